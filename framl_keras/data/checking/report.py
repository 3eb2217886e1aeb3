"""What a look over a source found, as data and as text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

_BAR = 40  # characters of the longest bar
_LISTED = 20  # lines of each kind of trouble in the text; the JSON has them all


@dataclass(frozen=True)
class CheckReport:
    """What was found.

    Attributes:
        location: where the source is.
        images: number of images.
        classes: number of identities.
        checked: how many images were tried.
        per_class: fewest, median, mean and most images of an identity.
        histogram: `(fewest, most, identities)` for ranges of images per identity.
        sizes: `height x width` -> images of that size, the most frequent first.
        unreadable: what cannot be read, one message each, with its key.
        left_out: what lies there besides images, one message each.
        duplicates: groups of keys of images with the same bytes.
        mislabeled: how many of these groups span more than one identity.
        images_per_second: speed of the input path as the trainer uses it.
    """

    location: str
    images: int
    classes: int
    checked: int
    per_class: dict[str, float]
    histogram: list[tuple[int, int, int]]
    sizes: dict[str, int]
    unreadable: list[str]
    left_out: list[str]
    duplicates: list[list[str]]
    mislabeled: int
    images_per_second: float


def images_per_class(labels: np.ndarray, classes: int) -> dict[str, Any]:
    """The report's `per_class` and `histogram`: ranges double from 1 on."""
    counts = np.bincount(labels, minlength=classes)
    doublings = np.frexp(counts)[1]  # 0 for none, 1 for 1, 2 for 2 and 3, 3 for 4 to 7, …
    ranges = [
        (2 ** (power - 1) if power else 0, 2**power - 1, int(number))
        for power, number in enumerate(np.bincount(doublings))
        if number
    ]
    return {
        "per_class": {
            "fewest": int(counts.min()),
            "median": float(np.median(counts)),
            "mean": float(counts.mean()),
            "most": int(counts.max()),
        },
        "histogram": ranges,
    }


def format_report(report: CheckReport) -> str:
    """The report for people to read."""
    lines = [
        f"{report.location}: {report.images:,} images of {report.classes:,} identities; "
        f"{report.checked - len(report.unreadable):,} read and decoded",
        "images per identity: {fewest} to {most}, median {median:g}, mean {mean:.1f}".format(
            **report.per_class
        ),
        *_bars(report.histogram),
        "sizes: " + ", ".join(f"{size} ({count:,})" for size, count in _first(report.sizes)),
        f"input path: {report.images_per_second:,.0f} images/s",
        *_listed("unreadable", report.unreadable),
        *_listed("left out", report.left_out),
        *_listed("same bytes", [" = ".join(group) for group in report.duplicates]),
    ]
    if report.mislabeled:
        lines.append(f"{report.mislabeled:,} groups of equal images span several identities")
    return "\n".join(lines)


def _bars(histogram: list[tuple[int, int, int]]) -> list[str]:
    most = max(number for *_, number in histogram)
    return [
        f"  {f'{low}-{high}' if low < high else low:>12} {number:>9,} {'#' * _length(number, most)}"
        for low, high, number in histogram
    ]


def _length(number: int, most: int) -> int:
    return max(1, round(_BAR * number / most))


def _first(sizes: dict[str, int]) -> list[tuple[str, int]]:
    shown = list(sizes.items())[:5]
    others = sum(sizes.values()) - sum(count for _, count in shown)
    return [*shown, ("others", others)] if others else shown


def _listed(title: str, messages: list[str]) -> list[str]:
    """A heading with the count, and the first few messages."""
    if not messages:
        return [f"{title}: none"]
    more = len(messages) - _LISTED
    rest = [f"  … and {more:,} more (all in --json)"] if more > 0 else []
    return [f"{title}: {len(messages):,}", *(f"  {line}" for line in messages[:_LISTED]), *rest]
