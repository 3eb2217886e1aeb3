"""Sources whose files a C library reads, in a process of its own."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from framl_keras.data.sources.image_file import below, read_image_file
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.records import DAMAGED
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError
from framl_keras.untrusted.reader_process import ReaderProcess

NO_LABEL = "the row has no label from 0 on"
_SECONDS, _BYTES_A_SECOND = 6.0, 2e7
_MEMORY = 3 << 30  # of addresses, most of which nothing stands at


class Served(Source):
    """Reads images and labels of one or more files by rows.

    Args:
        files: the files, in order.
        opener: of one file, see `ReaderProcess`. It takes the file's path and `columns`; its
            facts are each row's class by its name, or None where it has none.
        root: folder that paths start from; the file's own if None.
        on_error: `raise` refuses rows without a label, `skip` leaves them out.
        columns: which parts of a file are `path` (the image) and `label`.

    Raises:
        UserError: if a file is damaged, its parts cannot be told, or a row has no label.
    """

    def __init__(
        self,
        files: Sequence[Path],
        opener: str,
        root: Path | None = None,
        on_error: str = "raise",
        columns: Mapping[str, str] | None = None,
    ):
        self._files, self._root = list(files), root
        self._readers = [_opened(file, opener, dict(columns or {})) for file in files]
        names = [name for reader in self._readers for name in reader.facts]
        self._ends = list(accumulate(len(reader.facts) for reader in self._readers))
        self._rows = np.flatnonzero([name is not None for name in names])
        without = np.flatnonzero([name is None for name in names])
        self.left_out = [LeftOut(self._key(int(row)), DAMAGED, NO_LABEL, True) for row in without]
        if not len(self._rows) or (self.left_out and on_error == "raise"):
            reason = str(self.left_out[0]) if self.left_out else f"{files[0]}: it has no rows"
            raise UserError(f"{reason}. Complete the file, or set data.on_error=skip.")
        self.class_names = sorted({name for name in names if name is not None}, key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        kept = (position[names[row]] for row in self._rows)
        self.labels = np.fromiter(kept, dtype=np.int64, count=len(self._rows))

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        row, label = int(self._rows[index]), int(self.labels[index])
        number, first = self._place(row)
        key = self._key(row)
        try:
            found = self._readers[number].read(row - first)
        except UserError as error:
            raise UserError(f"{key}: {error}") from None
        except ValueError as error:
            raise UserError(f"{key}: {error}. Restore the file or write it again.") from None
        if isinstance(found, np.ndarray):
            pixels = np.ascontiguousarray(np.broadcast_to(found, (*found.shape[:2], 3)))
            return Sample(pixels, label, key)
        if isinstance(found, bytes):
            return Sample(found, label, key)
        file = self._files[number]
        place = below(self._root, found, key) if self._root else file.parent / found
        start = "`data.root` (--root)" if self._root else f"the folder of {file.name}"
        return Sample(read_image_file(place, key, f"start from {start}"), label, key)

    def _place(self, row: int) -> tuple[int, int]:
        """The file that holds a row of all, and its first row."""
        number = int(np.searchsorted(self._ends, row, side="right"))
        return number, self._ends[number - 1] if number else 0

    def _key(self, row: int) -> str:
        number, first = self._place(row)
        return f"{self._files[number]}#{row - first}"


def name_of(value: object, known: Sequence[str] = ()) -> str | None:
    """The name of a class by its label, a whole number from 0 or text; None if it is neither."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    if isinstance(value, str):
        return value
    if value < 0:
        return None
    return known[value] if value < len(known) else str(value)


def chosen(
    path: str, there: Sequence[str], columns: Mapping[str, str], name: str, known: Sequence[str]
) -> str:
    """The column, or part of a file, that is meant.

    Args:
        path: the file, for the message.
        there: what it has.
        columns: what the user chose.
        name: `path` for the image, or `label`.
        known: names by which it is known otherwise.

    Raises:
        UserError: if it cannot be told; what was found is listed.
    """
    wanted = [columns[name]] if name in columns else known
    found = next((column for column in wanted if list(there).count(column) == 1), None)
    if found is None:
        raise UserError(
            f"{path}: cannot tell which column is the "
            f"{'image' if name == 'path' else name}. Found: {', '.join(there)[:200]}. Choose "
            f"it by name, such as columns: {{{name}: {there[0] if there else name}}}."
        )
    return found


def _opened(file: Path, opener: str, columns: dict[str, str]) -> ReaderProcess:
    size = file.stat().st_size
    try:
        return ReaderProcess(
            opener,
            str(file),
            columns,
            seconds=_SECONDS + size / _BYTES_A_SECOND,
            memory=_MEMORY + 3 * size,
        )
    except UserError:
        raise
    except (ValueError, OSError) as error:
        raise UserError(f"{file}: {error}. Restore the file or write it again.") from None
