"""Pairs of images in a CSV or TSV file: `left,right,same[,fold]`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from framl_keras.data.pairs.file_pairs import pairs_of_files, start_of
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.image_list import LABEL_COLUMNS, PATH_COLUMNS
from framl_keras.data.table import first_cells, read_table
from framl_keras.errors import UserError

COLUMNS = {
    "left": ("left", "a", "image1", "img1", "path1", "file1", "image_1", "left_image", "image_a"),
    "right": ("right", "b", "image2", "img2", "path2", "file2", "image_2", "right_image",
              "image_b"),
    "same": ("same", "is_same", "issame", "label", "match", "target"),
    "fold": ("fold", "folds"),
}  # fmt: skip
_ANSWERS = {
    **dict.fromkeys(("1", "1.0", "true", "yes", "same"), True),
    **dict.fromkeys(("0", "0.0", "-1", "false", "no", "different"), False),
}


def table_pairs(
    path: Path, name: str, root: Path | None = None, columns: Mapping[str, str] | None = None
) -> PairSet:
    """Opens a table of pairs.

    Args:
        path: the table.
        name: what the report calls the set.
        root: where its paths start from; see `start_of`.
        columns: which of its columns are `left`, `right`, `same` and `fold`.

    Raises:
        UserError: if a line is not as expected; it is named.
    """
    table = read_table(path, COLUMNS, optional=("fold",), chosen=columns)
    start = start_of(path, root, table.rows[0]["left"])
    pairs, answers, folds = [], [], []
    for line, row in zip(table.lines, table.rows, strict=True):
        where = f"{path}:{line}"
        if not row["left"] or not row["right"]:
            raise UserError(f"{where}: expected two images. Complete or remove the line.")
        pairs.append((start.folder / row["left"], start.folder / row["right"]))
        answers.append(_answer(row["same"], where))
        folds.append(_fold(row["fold"], where) if "fold" in row else 0)
    has_folds = "fold" in table.rows[0]
    return pairs_of_files(name, pairs, answers, path, folds if has_folds else None, start.rule)


def is_pair_table(path: Path, columns: Mapping[str, str]) -> bool:
    """Whether a table pairs images, in contrast to one that lists images and identities."""
    if "left" in columns or "right" in columns:
        return True
    cells = [cell.lower() for cell in first_cells(path, COLUMNS)]
    if any(cell in COLUMNS["left"] + COLUMNS["right"] for cell in cells):
        return True
    named = any(cell in PATH_COLUMNS + LABEL_COLUMNS for cell in cells)
    return not named and len(cells) > 2 and cells[2] in _ANSWERS


def names_a_pair(cells: Sequence[str]) -> bool:
    """Whether a line names the columns of two images and the answer."""
    lower = [cell.strip().lower() for cell in cells]
    return all(any(cell in COLUMNS[name] for cell in lower) for name in ("left", "right", "same"))


def _answer(text: str, where: str) -> bool:
    if text.lower() not in _ANSWERS:
        raise UserError(f"{where}: expected same as 0 or 1, not {text!r}.")
    return _ANSWERS[text.lower()]


def _fold(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UserError(f"{where}: expected the number of a fold, not {text!r}.")
    return int(text)
