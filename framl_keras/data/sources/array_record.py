"""ArrayRecord files as a source."""

import importlib
import tempfile
import threading
from pathlib import Path
from typing import Any

from tqdm import tqdm

from framl_keras.data.records.damage import Damage, DamagedRecordError
from framl_keras.data.records.example import parse
from framl_keras.data.records.index import (
    IndexBuilder,
    RecordIndex,
    cached_index,
    index_at,
    span_of,
    write_index_to,
)
from framl_keras.data.sources.labels import check_identity
from framl_keras.data.sources.records import folder_of
from framl_keras.errors import UserError
from framl_keras.untrusted import child

KIND = "arrayrecord 3"
_SECONDS, _BYTES_A_SECOND = 9.0, 2e6  # a disk in a network may be slow
_MEMORY = 1 << 34  # of addresses: the library reserves many for its threads
_RANDOM_ACCESS = "readahead_buffer_size:0,max_parallelism:0"


def library(purpose: str) -> Any:
    """The library of ArrayRecord, imported when it is needed.

    Args:
        purpose: what needs it, to begin the error with.

    Raises:
        UserError: if it is not installed; there is none for Windows.
    """
    try:
        return importlib.import_module("array_record.python.array_record_module")
    except ImportError:
        raise UserError(
            f"{purpose} needs the package array-record, which is not installed. Use TFRecord, or "
            "install it with: pip install array-record (Linux and macOS; there is no Windows build)"
        ) from None


class ArrayRecordFile:
    """Random access to the records of one ArrayRecord file.

    Args:
        path: the file; the index of its labels is made on first use and kept.
    """

    def __init__(self, path: Path):
        self.path = path
        self.index = cached_index(path, index_array_record, KIND)
        self._lock = threading.Lock()
        self._reader: Any = None

    def read(self, position: int) -> bytes:
        """The data of a record.

        Raises:
            DamagedRecordError: if the file has changed or is damaged there.
        """
        if self._reader is None:
            with self._lock:
                self._reader = self._reader or _open(self.path)
        return _read(self._reader, int(self.index.numbers[position]))

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "index": self.index}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _reader=None)


def index_array_record(path: Path) -> RecordIndex:
    """Reads a whole file, showing how far it is, and indexes its records.

    A process of its own does it, so that a file that crashes the library is named. What it
    has read once is read by this process afterwards.
    """
    library(f"Reading {path}")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "index"
        try:
            child.call_in_child(
                "framl_keras.data.sources.array_record:_index_into",
                str(path.absolute()),
                str(place),
                seconds=_SECONDS + path.stat().st_size / _BYTES_A_SECOND,
                memory=_MEMORY,
                shows_progress=True,
            )
        except ValueError as error:
            builder = IndexBuilder()
            builder.add_damage(Damage(0, 0, str(error)))
            return builder.build()
        return index_at(place, path, KIND)


def _index_into(path: str, place: str) -> None:
    """What the process of its own does."""
    write_index_to(Path(place), _index(Path(path)), Path(path), KIND)


def _index(path: Path) -> RecordIndex:
    builder = IndexBuilder()
    reader = _open(path)
    count = reader.num_records() if reader.ok() else 0
    if not count:
        reason = "it is empty, cut short, or its end (the footer) is damaged"
        builder.add_damage(Damage(0, 0, reason))
    for number in tqdm(range(count), unit="record", desc=f"Indexing {path.name}", delay=1):
        _add(builder, reader, number)
    return builder.build()


def _open(path: Path) -> Any:
    return library(f"Reading {path}").ArrayRecordReader(str(path), _RANDOM_ACCESS)


def _add(builder: IndexBuilder, reader: Any, number: int) -> None:
    try:
        data = _read(reader, number)
        record = parse(data)
        check_identity(record.source_id)
    except DamagedRecordError as error:
        builder.add_damage(Damage(number, 0, str(error)))
        return
    span = span_of(data, record.image)
    builder.add(number, 0, 0, record.source_id, folder_of(record.name), span)


def _read(reader: Any, number: int) -> bytes:
    """One record; what the library says of damage becomes our own exception."""
    try:
        (data,) = reader.read([number])
    except (RuntimeError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DamagedRecordError(f"ArrayRecord cannot read it: {reason}") from None
    return bytes(data)
