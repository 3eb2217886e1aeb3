"""Sources whose files a C library reads, in a process of its own."""

import os
import weakref
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.sources.image_file import below, read_image_file
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.records import DAMAGED
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError
from framl_keras.untrusted.reader_process import ReaderProcess, Row

NO_LABEL = "the row has no label from 0 on"
_SECONDS, _BYTES_A_SECOND = 6.0, 2e7
_MEMORY = 3 << 30  # of addresses, most of which nothing stands at


class Served(Source):
    """Reads images and labels of one or more files by rows.

    Args:
        files: the files, in order.
        opener: of one file, see `ReaderProcess`. It takes the file's path, `columns`, and how
            many bytes it may keep in memory; its facts are those that `classes_of` gives.
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
        kept = _claim(self, sum(file.stat().st_size for file in files)) // len(self._files)
        self._readers = [_opened(file, opener, dict(columns or {}), kept) for file in files]
        facts = [reader.facts for reader in self._readers]
        self.class_names = sorted({n for each in facts for n in each["names"]}, key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        parts = [_labels(each, position) for each in facts]
        self._ends = list(accumulate(map(len, parts)))
        labels = np.concatenate(parts)
        self._rows, without = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)
        self.labels = labels[self._rows]
        self.left_out = [LeftOut(self._key(int(row)), DAMAGED, NO_LABEL, True) for row in without]
        if not len(self._rows) or (self.left_out and on_error == "raise"):
            reason = str(self.left_out[0]) if self.left_out else f"{files[0]}: it has no rows"
            raise UserError(f"{reason}. Complete the file, or set data.on_error=skip.")

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        (sample,) = self.several([index])
        if isinstance(sample, UserError):
            raise sample
        return sample

    def several(self, indices: Sequence[int]) -> list[Sample | UserError]:
        """See `Source`: one message to each file's process."""
        places = list(map(self._place, self._rows[indices].tolist()))
        answers: dict[tuple[int, int], Row | UserError | ValueError] = {}
        for number in sorted({number for number, _ in places}):
            rows = [row for file, row in places if file == number]
            read = self._readers[number].read(rows)
            answers |= {(number, row): each for row, each in zip(rows, read, strict=True)}
        labels = self.labels[indices].tolist()
        samples: list[Sample | UserError] = []
        for place, label in zip(places, labels, strict=True):
            try:
                samples.append(self._sample(place, label, answers[place]))
            except UserError as error:
                samples.append(error)
        return samples

    def _sample(
        self, place: tuple[int, int], label: int, row: Row | UserError | ValueError
    ) -> Sample:
        """A sample of what its reader answered."""
        file, key = self._files[place[0]], f"{self._files[place[0]]}#{place[1]}"
        if isinstance(row, UserError):
            raise UserError(f"{key}: {row}") from None
        if isinstance(row, ValueError):
            raise UserError(f"{key}: {row}. Restore the file or write it again.") from None
        if isinstance(row, np.ndarray):
            pixels = np.ascontiguousarray(np.broadcast_to(row, (*row.shape[:2], 3)))
            return Sample(pixels, label, key)
        if isinstance(row, bytes):
            return Sample(row, label, key)
        image = below(self._root, row, key) if self._root else file.parent / row
        start = "`data.root` (--root)" if self._root else f"the folder of {file.name}"
        return Sample(read_image_file(image, key, f"start from {start}"), label, key)

    def _place(self, row: int) -> tuple[int, int]:
        """The file that holds a row of all, and which of its rows it is."""
        number = bisect_right(self._ends, row)
        return number, row - self._ends[number - 1] if number else row

    def _key(self, row: int) -> str:
        number, of_file = self._place(row)
        return f"{self._files[number]}#{of_file}"


def classes_of(names: Sequence[str | None]) -> dict[str, Any]:
    """What a reader tells about its rows: the names of classes, and each row's among them.

    Args:
        names: each row's class by its name; None where it has none, which is -1 then.

    Example:
    >>> classes_of(["ada", "bob", None, "ada"])
    {'names': ['ada', 'bob'], 'rows': [0, 1, -1, 0]}
    """
    numbers: dict[str, int] = {}
    rows = [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in names]
    return {"names": list(numbers), "rows": rows}


def classes_of_labels(values: np.ndarray, known: Sequence[str] = ()) -> dict[str, Any]:
    """The same of labels, whole numbers or text, which `known` may name.

    Example:
    >>> classes_of_labels(np.array([2, 0, -1, 2]), ["ada", "bob", "eve"])
    {'names': ['ada', 'eve'], 'rows': [1, 0, -1, 1]}
    """
    if values.dtype.kind not in "iu":
        return classes_of([name_of(value, known) for value in values.tolist()])
    numbers, rows = np.unique(values, return_inverse=True)
    below = int((numbers < 0).sum())
    names = [str(name_of(number, known)) for number in numbers[below:].tolist()]
    return {"names": names, "rows": np.maximum(rows.reshape(-1) - below, -1).tolist()}


def _labels(facts: Mapping[str, Any], position: Mapping[str, int]) -> np.ndarray:
    """Each row's label, int64; -1 where it has none."""
    of_name = np.array([*(position[name] for name in facts["names"]), -1], dtype=np.int64)
    return of_name[np.array(facts["rows"], dtype=np.int64)]


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
    column_name = next((column for column in wanted if list(there).count(column) == 1), None)
    if column_name is None:
        raise UserError(
            f"{path}: cannot tell which column is the "
            f"{'image' if name == 'path' else name}. Found: {', '.join(there)[:200]}. Choose "
            f"it by name, such as columns: {{{name}: {there[0] if there else name}}}."
        )
    return column_name


_claims: dict[int, int] = {}  # bytes that the sources of this process may keep, by their ids


def _claim(source: Served, size: int) -> int:
    """Bytes that a source may keep in memory: all sources together a quarter of the machine's.

    Args:
        source: who asks; what it was given is free again when it is gone.
        size: of its files; images unpack to little more.
    """
    quarter = _memory() // (4 * _processes_here())
    given = max(0, min(2 * size, quarter - sum(_claims.values())))
    _claims[id(source)] = given
    weakref.finalize(source, _claims.pop, id(source), None)
    return given


def _memory() -> int:
    """Bytes of memory that this machine has; a careful guess where it doesn't say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 4 << 30


def _processes_here() -> int:
    """How many processes of this job `torchrun` started on this machine; each has its readers."""
    told = os.environ.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(told)) if told.isdigit() else 1


def _opened(file: Path, opener: str, columns: dict[str, str], kept: int) -> ReaderProcess:
    size = file.stat().st_size
    try:
        return ReaderProcess(
            opener,
            str(file),
            columns,
            kept,
            seconds=_SECONDS + size / _BYTES_A_SECOND,
            memory=_MEMORY + 3 * size + kept,
        )
    except UserError:
        raise
    except (ValueError, OSError) as error:
        raise UserError(f"{file}: {error}. Restore the file or write it again.") from None
