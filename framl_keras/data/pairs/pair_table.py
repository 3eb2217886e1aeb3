"""Pairs of images in a CSV or TSV file: `left,right,same[,fold]`."""

from pathlib import Path

from framl_keras.data.pairs.file_pairs import pairs_of_files
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.table import read_table
from framl_keras.errors import UserError

_COLUMNS = {
    "left": ("left", "a", "image1", "img1", "path1", "file1"),
    "right": ("right", "b", "image2", "img2", "path2", "file2"),
    "same": ("same", "is_same", "issame", "label"),
    "fold": ("fold", "folds"),
}
_ANSWERS = {
    **dict.fromkeys(("1", "true", "yes", "same"), True),
    **dict.fromkeys(("0", "-1", "false", "no", "different"), False),
}


def table_pairs(path: Path, name: str, root: Path | None = None) -> PairSet:
    """Opens a table of pairs; paths start from `root`, or else from the table's folder.

    Raises:
        UserError: if a line is not as expected; it is named.
    """
    table = read_table(path, _COLUMNS, optional=("fold",))
    base = root or path.parent
    pairs, answers, folds = [], [], []
    for line, row in zip(table.lines, table.rows, strict=True):
        where = f"{path}:{line}"
        if not row["left"] or not row["right"]:
            raise UserError(f"{where}: expected two images. Complete or remove the line.")
        pairs.append((base / row["left"], base / row["right"]))
        answers.append(_answer(row["same"], where))
        folds.append(_fold(row["fold"], where) if "fold" in row else 0)
    has_folds = "fold" in table.rows[0]
    return pairs_of_files(name, pairs, answers, path, folds if has_folds else None)


def _answer(text: str, where: str) -> bool:
    if text.lower() not in _ANSWERS:
        raise UserError(f"{where}: expected same as 0 or 1, not {text!r}.")
    return _ANSWERS[text.lower()]


def _fold(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UserError(f"{where}: expected the number of a fold, not {text!r}.")
    return int(text)
