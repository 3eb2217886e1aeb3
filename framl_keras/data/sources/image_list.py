"""A text file that lists images with their identities."""

from pathlib import Path

import numpy as np

from framl_keras.data.sources.image_file import below, read_image_file
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.table import Table, read_table
from framl_keras.errors import UserError

PATH_COLUMNS = ("path", "image", "file", "filename", "image_path", "img_path")
LABEL_COLUMNS = ("label", "identity", "class", "person", "name", "id")


class ImageList(Source):
    """Reads the images that a CSV or TSV file lists as `path,label`.

    A first line that names the columns is optional; with it, the columns may
    be in any order among others. Classes are the labels that occur, in natural
    order.

    Args:
        path: the list.
        root: folder that the paths start from; the list's own if None.

    Raises:
        UserError: if the list cannot be read, is empty, or a line lacks path or label.
    """

    def __init__(self, path: Path, root: Path | None = None):
        self.path = path
        table = read_table(path, {"path": PATH_COLUMNS, "label": LABEL_COLUMNS})
        rows = [_checked(table, *row) for row in zip(table.lines, table.rows, strict=True)]
        names = [label for _, label in rows]
        self.class_names = sorted(set(names), key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self.labels = np.array([position[name] for name in names], dtype=np.int64)
        self._lines = table.lines
        self._names = [name for name, _ in rows]
        self._root = root

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        path = self.path_of(index)
        image = read_image_file(path, f"{self.path}:{self._lines[index]}")
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


def _checked(table: Table, line: int, row: dict[str, str]) -> tuple[str, str]:
    """A row's path and label, both there; a missing value that pandas wrote is none."""
    if not row["path"] or row["label"].lower() in ("", "nan"):
        raise UserError(
            f"{table.path}:{line}: expected a path and a label. Received: "
            f"{row['path']!r}, {row['label']!r}. Complete or remove the line."
        )
    return row["path"], row["label"]
