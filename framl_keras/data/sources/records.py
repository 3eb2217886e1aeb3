"""Records as FRAML's and arcface-tf2's converters write them, in TFRecord or ArrayRecord files."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

import numpy as np

from framl_keras.data.records.damage import DamagedRecordError
from framl_keras.data.records.example import Record, parse
from framl_keras.data.records.index import RecordIndex, image_in
from framl_keras.data.sources.image_file import below, read_image_file
from framl_keras.data.sources.labels import dense_labels, names_of
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError

DAMAGED = "damaged records are skipped"


class IndexedFile(Protocol):
    """A file whose records have an index."""

    path: Path
    index: RecordIndex


class RecordFile(IndexedFile, Protocol):
    """One file of records by random access."""

    def read(self, position: int) -> bytes:
        """The record at a position of the index; DamagedRecordError if it cannot be read."""
        ...


class Records(Source):
    """Reads images and labels from one or more files of records.

    "Binary" records hold the image (`image/source_id`, `image/filename`,
    `image/encoded`), "online" ones say where it is (`image/source_id`,
    `image/img_path`). A `source_id` is any whole number from 0 to 2^63 - 1, or a float up
    to 2^24; labels are the ranks of those that occur, and what else is stored is damage. An
    identity is called by the folder in its file names, or else by its number. Records of TFDS
    (`image`, `label`) and of ImageNet's converter (`image/class/label`) are read as well.

    Args:
        files: the shards, in order.
        root: folder that "online" paths start from; the current one if None.
        on_error: `raise` refuses files with damaged records, `skip` leaves these out.
        names: of the identities by their numbers, where the records don't name them.

    Attributes:
        left_out: the damaged records.

    Raises:
        UserError: if no record can be read, or one cannot and `on_error` is `raise`.
    """

    def __init__(
        self,
        files: Sequence[RecordFile],
        root: Path | None = None,
        on_error: str = "raise",
        names: Sequence[str] = (),
    ):
        self.left_out = refuse_damage(files, on_error)
        self._files, self._root = list(files), root
        self._ends = list(accumulate(len(file.index) for file in files))
        source_ids = np.concatenate([file.index.source_ids for file in files])
        self.labels, numbers = dense_labels(source_ids)
        told = {key: name for file in reversed(files) for key, name in file.index.names.items()}
        self.class_names = names_of(numbers, dict(enumerate(names)) if names else told)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        file, position, key = self._locate(index)
        label = int(self.labels[index])
        span = int(file.index.spans[position])
        if span:
            return Sample(image_in(_data(file, position, key), span), label, key)
        record = self._record(file, position, key)
        if record.image is not None:
            return Sample(record.image, label, key)
        path = below(self._root, record.name, key)
        start = "`data.root` (--root)" if self._root else "the current folder"
        image = read_image_file(path, key, f"start from {start}")
        return Sample(image, label, f"{key} ({path})")

    def name_of(self, index: int) -> str:
        """What the record of a sample calls its file, such as `<identity>/<file>`."""
        return self._record(*self._locate(index)).name

    def path_of(self, index: int) -> Path:
        """The image file that an "online" record names.

        Raises:
            UserError: if the record holds the image itself.
        """
        file, position, key = self._locate(index)
        record = self._record(file, position, key)
        if record.image is not None:
            raise UserError(
                f"{key}: it holds the image itself, so there is no path to store. "
                "Convert without --online."
            )
        return below(self._root, record.name, key)

    def _record(self, file: RecordFile, position: int, key: str) -> Record:
        try:
            return parse(_data(file, position, key))
        except DamagedRecordError as error:
            raise UserError(f"{key}: {error}. Convert the data again.") from None

    def _locate(self, index: int) -> tuple[RecordFile, int, str]:
        """The file that holds sample `index`, its position there, and its key."""
        shard = bisect_right(self._ends, index)
        position = index - (self._ends[shard - 1] if shard else 0)
        file = self._files[shard]
        return file, position, f"{file.path}#{file.index.numbers[position]}"


def _data(file: RecordFile, position: int, key: str) -> bytes:
    try:
        return file.read(position)
    except DamagedRecordError as error:
        raise UserError(f"{key}: {error}. Restore the file or convert it again.") from None


def refuse_damage(
    files: Sequence[IndexedFile], on_error: str, remedy: str = "Convert the data again"
) -> list[LeftOut]:
    """What the indexes say cannot be read.

    Raises:
        UserError: if something cannot be read and `on_error` is `raise`, or nothing can.
    """
    damaged = [
        LeftOut(f"{file.path}#{damage.record}", DAMAGED, f"{damage.reason} (at byte "
                f"{damage.offset})", unreadable=True)
        for file in files
        for damage in file.index.damage
    ]  # fmt: skip
    if not any(len(file.index) for file in files):
        reason = next((f": {d.reason}" for file in files for d in file.index.damage), "")
        raise UserError(f"{files[0].path}: no record can be read{reason}. {remedy}.")
    if damaged and on_error == "raise":
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        raise UserError(f"{damaged[0]}{more}. {remedy}, or set data.on_error=skip.")
    return damaged


def folder_of(name: str) -> str:
    """The folder in a file's name, which is its identity's name, or an empty string."""
    parts = name.replace("\\", "/").rsplit("/", 2)
    return parts[-2] if len(parts) > 1 else ""
