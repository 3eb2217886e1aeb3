"""Results as a table of text."""

import textwrap
from collections.abc import Sequence

from framl_keras.evaluation.evaluate import Result
from framl_keras.evaluation.roc import TarAtFar
from framl_keras.evaluation.verification import Verification

HEADER = (
    "set",
    "similarity",
    "protocol",
    "accuracy %",
    "95%",
    "threshold",
    "AUC",
    "EER %",
    "TAR@1e-2 %",
    "TAR@1e-3 %",
)
NAMES = 3  # columns of names; all others hold numbers
NAME = 1  # the column that tells the rows of one set apart
WIDTH = 80
LOPSIDED = 0.6  # share of the more frequent kind from which on accuracy is easily misread


def format_table(results: Sequence[Result], width: int = WIDTH) -> str:
    """One line for each result, and below what the numbers do not say.

    Accuracy is the mean ± standard deviation over the folds. Similarities that agree in all
    that is printed share a line; columns beyond the width go into a part of their own below.

    Args:
        results: see `evaluate`.
        width: how many characters a line has at most; a long name may need more.

    Example:
    >>> print(format_table(evaluate(model, pair_sets, View())))  # doctest: +SKIP
    """
    rows = shared_rows(results)
    parts = [_lines(rows, columns) for columns in _parts(rows, width)]
    lines = [line for part in parts for line in (*part, "")]
    for note in notes_of(results):
        lines += textwrap.wrap(note, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def shared_rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """The results' cells; similarities that agree in all others share a row."""
    names: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        cells = row_of(result)
        others = (*cells[:NAME], result.source, *cells[NAME + 1 :])
        names.setdefault(others, []).append(cells[NAME])
    return [
        (*others[:NAME], _joined(group), *others[NAME + 1 :]) for others, group in names.items()
    ]


def _joined(names: Sequence[str]) -> str:
    """`cos, raw pixels` and `ssim, raw pixels` as `cos = ssim, raw pixels`."""
    first, _, source = names[-1].partition(", ")
    before = [name.partition(", ")[0] for name in names[:-1]]
    return " = ".join([*before, first]) + (f", {source}" if source else "")


def _parts(rows: Sequence[Sequence[str]], width: int) -> list[list[int]]:
    """Columns that stand beside each other; each part begins with those that name a row."""
    widths = _widths(rows)
    naming = [0, 1, 2] if len({row[2] for row in rows}) > 1 else [0, 1]
    parts = [list(range(NAMES))]
    for column in range(NAMES, len(HEADER)):
        line = sum(widths[at] + 2 for at in parts[-1]) + widths[column]
        if line > width and len(parts[-1]) > len(naming):
            parts.append(list(naming))
        parts[-1].append(column)
    return parts


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(len(row[at]) for row in (HEADER, *rows)) for at in range(len(HEADER))]


def _lines(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> list[str]:
    widths = _widths(rows)
    lines = [_line(row, columns, widths) for row in (HEADER, *rows)]
    lines.insert(1, "  ".join("-" * widths[column] for column in columns))
    return lines


def _line(row: Sequence[str], columns: Sequence[int], widths: Sequence[int]) -> str:
    cells = [
        row[at].ljust(widths[at]) if at < NAMES else row[at].rjust(widths[at]) for at in columns
    ]
    return "  ".join(cells).rstrip()


def row_of(result: Result) -> tuple[str, ...]:
    """The cells of a result, see `HEADER`."""
    verification = result.verification
    name = (
        verification.similarity
        if result.source == "model"
        else f"{verification.similarity}, {result.source}"
    )
    return (
        result.set_name,
        name,
        verification.protocol,
        f"{100 * verification.accuracy:.2f} ± {100 * verification.accuracy_sd:.2f}",
        _interval(verification),
        f"{verification.threshold:.4f}",
        f"{verification.auc:.4f}",
        f"{100 * verification.eer:.2f}",
        _tar(verification.tar_at(1e-2)),
        _tar(verification.tar_at(1e-3)),
    )


def _interval(verification: Verification) -> str:
    if "accuracy" not in verification.intervals:
        return "-"
    low, high = verification.intervals["accuracy"]
    return f"{100 * low:.2f}-{100 * high:.2f}"


def _tar(point: TarAtFar | None) -> str:
    if point is None:
        return "-"
    return f"{100 * point.tar:.2f}" + ("" if point.is_resolved else "*")


def notes_of(results: Sequence[Result]) -> list[str]:
    """What a reader has to know: the pairs behind the rates, the intervals, and the grid."""
    notes = []
    for name in dict.fromkeys(result.set_name for result in results):
        verification = next(r.verification for r in results if r.set_name == name)
        notes += [
            f"{name}: {pairs_of(verification)}.",
            *_unsupported(verification),
            *_reach(verification, name),
        ]
    notes.append(
        "Accuracy: mean ± standard deviation over folds. 95%: where it lies with other "
        "identities. Threshold: distances below it mean the same identity."
    )
    if len({result.verification.protocol for result in results}) > 1:
        notes.append(
            "framl takes thresholds from a grid of 0.01, exact from all distances: the grid alone "
            "can move the accuracy by some tenths of a point."
        )
    return notes


def pairs_of(verification: Verification) -> str:
    """How many pairs there are, of how many identities, and how the intervals take them."""
    text = (
        f"{verification.num_same:,} same-pairs and {verification.num_different:,} different-pairs"
    )
    count, source = verification.units.count, verification.units.source
    if source == "identities":
        text += f" of {count:,} identities"
    share = max(verification.num_same, verification.num_different) / len(verification.is_same)
    if verification.balanced:
        text += ", both kinds weighing alike in the accuracy"
    elif share > LOPSIDED:
        text += f" (to call all of them the more frequent kind is right for {100 * share:.1f} %)"
    if source == "pairs":
        text += "; identities are not known, intervals take the pairs to be independent"
    elif source != "identities":
        text += (
            f"; not all identities are known: same-pairs and equal images link the images to "
            f"{count:,} groups, and intervals are too narrow if some of these share an identity"
        )
    if verification.intervals:
        text += f"; thresholds chosen anew {verification.repeats:,} times for the interval"
    return text


def _unsupported(verification: Verification) -> list[str]:
    if verification.intervals or not verification.repeats:
        return []
    return ["Too few identities for an interval (-)."]


def _reach(verification: Verification, name: str) -> list[str]:
    """Says where a set's false accept rates stop."""
    if not verification.tar or verification.tar[-1].is_resolved or verification.tar[-1].far < 1e-3:
        return []
    count = verification.num_different
    return [
        f"* {name}: {count} different-pairs tell false accept rates down to {1 / count:.1e} only; "
        "marked is the true accept rate at no false accept."
    ]
