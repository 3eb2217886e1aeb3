"""The page's tables: headers and rows of text, from plain numbers."""

from collections.abc import Sequence
from typing import Any

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
Numbers = Sequence[dict[str, Any]]
NAME = ("set", "similarity", "protocol")
RATES = ("accuracy", "precision", "recall", "f1", "specificity")
COUNTS = ("tp", "fp", "tn", "fn")


def operating_points(results: Numbers) -> Table:
    """Rates and counts at each fold's own threshold."""
    rows = []
    for numbers in results:
        point = numbers["operating_point"]
        rates = [_percent(point[rate]) for rate in RATES]
        rows.append([*_name(numbers), *rates, *(f"{point[count]:,}" for count in COUNTS)])
    return (*NAME, *(f"{rate} %" for rate in RATES), *(c.upper() for c in COUNTS)), rows


def separation(results: Numbers) -> Table:
    """How well the two kinds of pairs separate, over all thresholds."""
    rows = [
        [
            *_name(numbers),
            f"{numbers['pairs']['same']:,}",
            f"{numbers['pairs']['different']:,}",
            _range(numbers["intervals_95"].get("auc"), 1, 4),
            _range(numbers["intervals_95"].get("eer"), 100, 2),
            "-" if numbers["d_prime"] is None else f"{numbers['d_prime']:.3f}",
        ]
        for numbers in results
    ]
    return (*NAME, "same", "different", "AUC 95%", "EER % 95%", "d prime"), rows


def accept_rates(results: Numbers) -> Table:
    """True accept rates, as low as the pairs support, and insightface's VAL."""
    fars = dict.fromkeys(point["far"] for numbers in results for point in numbers["tar_at_far"])
    rows = []
    for numbers in results:
        points = {point["far"]: point for point in numbers["tar_at_far"]}
        val = numbers["val_at_far"]
        cells = [_tar(points.get(far), numbers["intervals_95"]) for far in fars]
        rows.append([*_name(numbers), *cells, _val(val)])
    return (*NAME, *(f"TAR@{far:g} % (95%)" for far in fars), "VAL@1e-3 %"), rows


def differences(tests: Numbers) -> Table:
    """Paired tests."""
    rows = []
    for test in tests:
        accuracy = test["differences"]["accuracy"]
        rows.append(
            [
                test["set"],
                f"{test['first']} → {test['second']}",
                f"{100 * accuracy['value']:+.2f}",
                _range(accuracy["interval"], 100, 2),
                "-" if accuracy["p"] is None else f"{accuracy['p']:.3f}",
                str(test["only_first"]),
                str(test["only_second"]),
                f"{test['mcnemar_p']:.2g}",
            ]
        )
    header = ("set", "compared", "accuracy difference, points", "95%", "p")
    return (*header, "only first right", "only second right", "p (McNemar)"), rows


def facts_table(facts: dict[str, Any]) -> Table:
    """Facts with nested names joined by dots."""
    return ("what", ""), [
        (key, "-" if value is None else str(value)) for key, value in _flat(facts)
    ]


def _flat(facts: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in facts.items():
        nested = isinstance(value, dict)
        rows += _flat(value, f"{before}{key}.") if nested else [(before + key, value)]
    return rows


def _name(numbers: dict[str, Any]) -> tuple[str, str, str]:
    source = "" if numbers["source"] == "model" else f", {numbers['source']}"
    return numbers["set"], numbers["similarity"] + source, numbers["protocol"]


def _tar(point: dict[str, Any] | None, intervals: dict[str, Any]) -> str:
    if point is None:
        return "-"
    if not point["is_resolved"]:
        return f"{_percent(point['tar'])}*"
    interval = _range(intervals.get(f"tar@{point['far']:g}"), 100, 2)
    return f"{_percent(point['tar'])} ({interval})"


def _val(val: dict[str, Any]) -> str:
    mark = "" if val["is_resolved"] else "*"
    return f"{_percent(val['val'])} ± {_percent(val['val_sd'])}{mark}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _range(interval: Sequence[float] | None, factor: float, digits: int) -> str:
    if not interval:
        return "-"
    low, high = (factor * end for end in interval)
    return f"{low:.{digits}f} to {high:.{digits}f}"
