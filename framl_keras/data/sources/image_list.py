"""A text file that lists images with their identities."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from framl_keras.data.sources.image_file import below, read_image_file
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.table import Table, read_table
from framl_keras.errors import UserError

PATH_COLUMNS = (
    *("path", "image", "file", "filename", "image_path", "img_path", "file_name"),
    *("image_name", "filepath", "file_path", "img"),
)
LABEL_COLUMNS = ("label", "identity", "class", "person", "name", "id")
COLUMNS = {"path": PATH_COLUMNS, "label": LABEL_COLUMNS}


class ImageList(Source):
    """Reads the images that a CSV or TSV file lists as `path,label`.

    A first line that names the columns is optional; with it, the columns may
    be in any order among others. Classes are the labels that occur, in natural
    order; any text is a name, `nan` and `001` too.

    Args:
        path: the list.
        root: folder that the paths start from; the list's own if None.
        columns: which columns are `path` and `label`, by name or by number from 1; those
            not given are told by `PATH_COLUMNS` and `LABEL_COLUMNS`.

    Raises:
        UserError: if the list cannot be read, is empty, a line lacks path or label, or
            the columns cannot be told.
    """

    def __init__(
        self, path: Path, root: Path | None = None, columns: Mapping[str, str] | None = None
    ):
        self.path = path
        table = read_table(path, COLUMNS, chosen=columns)
        _refuse_row_numbers(table, columns or {})
        rows = [_checked(table, *row) for row in zip(table.lines, table.rows, strict=True)]
        names = [label for _, label in rows]
        self.class_names = sorted(set(names), key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self.labels = np.array([position[name] for name in names], dtype=np.int64)
        self.left_out = [LeftOut(f"{path}:{n}", "lines that begin with #") for n in table.comments]
        self._lines = table.lines
        self._names = [name for name, _ in rows]
        self._root = root

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        path = self.path_of(index)
        rule = "start from `data.root` (--root)" if self._root else "start from the list's folder"
        image = read_image_file(path, f"{self.path}:{self._lines[index]}", rule)
        return Sample(image, int(self.labels[index]), str(path))

    def path_of(self, index: int) -> Path:
        """The file of a sample.

        Raises:
            UserError: if the list names one outside `root`.
        """
        name = self._names[index]
        if self._root is None:
            return self.path.parent / name
        return below(self._root, name, f"{self.path}:{self._lines[index]}")


def _refuse_row_numbers(table: Table, chosen: Mapping[str, str]) -> None:
    """`id` beside columns of unknown meaning may number the rows instead of the identities."""
    if "label" not in chosen and table.names.get("label") == "id" and len(table.header) > 2:
        raise UserError(
            f"{table.path}: cannot tell which column is the label. Found: "
            f"{', '.join(table.header)}. Choose it by name, such as columns: {{label: id}}."
        )


def _checked(table: Table, line: int, row: dict[str, str]) -> tuple[str, str]:
    """A row's path and label, both there."""
    if not row["path"] or not row["label"]:
        raise UserError(
            f"{table.path}:{line}: expected a path and a label. Received: "
            f"{row['path']!r}, {row['label']!r}. Complete or remove the line."
        )
    return row["path"], row["label"]
