"""Results as a table of text."""

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
TEXT_COLUMNS = 3


def format_table(results: Sequence[Result]) -> str:
    """One line for each result, and below what the numbers do not say.

    Accuracy is the mean ± standard deviation over the folds.
    """
    rows = [HEADER, *(row_of(result) for result in results)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, "", *notes_of(results)])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        text.ljust(width) if column < TEXT_COLUMNS else text.rjust(width)
        for column, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def row_of(result: Result) -> tuple[str, ...]:
    """The cells of a result, see `HEADER`."""
    found = result.verification
    name = found.similarity if result.source == "model" else f"{found.similarity}, {result.source}"
    return (
        result.set_name,
        name,
        found.protocol,
        f"{100 * found.accuracy:.2f} ± {100 * found.accuracy_sd:.2f}",
        _interval(found),
        f"{found.threshold:.4f}",
        f"{found.auc:.4f}",
        f"{100 * found.eer:.2f}",
        _tar(found.tar_at(1e-2)),
        _tar(found.tar_at(1e-3)),
    )


def _interval(found: Verification) -> str:
    if "accuracy" not in found.intervals:
        return "-"
    low, high = found.intervals["accuracy"]
    return f"{100 * low:.1f}-{100 * high:.1f}"


def _tar(point: TarAtFar | None) -> str:
    if point is None:
        return "-"
    return f"{100 * point.tar:.2f}" + ("" if point.is_resolved else "*")


def notes_of(results: Sequence[Result]) -> list[str]:
    """What a reader has to know about intervals, rates out of reach, and the grid."""
    notes = [
        f"Accuracy: mean ± standard deviation over folds. 95%: {_resampling(results)}. "
        "Threshold: distances below it mean the same identity."
    ]
    for name in dict.fromkeys(result.set_name for result in results):
        notes += _reach(next(r.verification for r in results if r.set_name == name), name)
    if len({result.verification.protocol for result in results}) > 1:
        notes.append(
            "framl takes thresholds from a grid of 0.01, exact from all distances: the grid alone "
            "can move the accuracy by some tenths of a point."
        )
    return notes


def _resampling(results: Sequence[Result]) -> str:
    kinds = dict.fromkeys(result.verification.resampled for result in results)
    return f"bootstrap over {' or '.join(kinds)}"


def _reach(found: Verification, name: str) -> list[str]:
    """Says where a set's false accept rates stop."""
    if not found.tar or found.tar[-1].is_resolved or found.tar[-1].far < 1e-3:
        return []
    count = found.num_different
    return [
        f"* {name}: {count} different-pairs tell false accept rates down to {1 / count:.1e} only; "
        "marked is the true accept rate at no false accept."
    ]
