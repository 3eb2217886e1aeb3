"""Files of records being written under a temporary name."""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from framl_keras.data.conversion.encoding import Encoded
from framl_keras.data.records.index import IndexBuilder, RecordIndex
from framl_keras.data.records.tfrecord import frame
from framl_keras.data.sources.array_record import KIND as ARRAY_RECORD
from framl_keras.data.sources.array_record import library
from framl_keras.data.sources.records import folder_of
from framl_keras.data.sources.tfrecord import KIND as TFRECORD
from framl_keras.data.sources.tfrecord import index_tfrecord


class ShardWriter(Protocol):
    """Writes the records of one file in order.

    Attributes:
        kind: what its index is kept as.
        resumable: whether an interrupted file can be gone on with.
        size: bytes written so far.
    """

    kind: str
    resumable: bool
    size: int

    def write(self, records: Sequence[Encoded]) -> None:
        """Appends records."""
        ...

    def flush(self) -> None:
        """Brings what was written to the disk."""
        ...

    def close(self) -> RecordIndex:
        """Finishes the file and gives its index."""
        ...


class TFRecordShard:
    """A TFRecord file; goes on after its first `size` bytes.

    Args:
        path: the temporary file.
        size: bytes of an earlier attempt to keep.
    """

    kind, resumable = TFRECORD, True

    def __init__(self, path: Path, size: int):
        self.size = size
        self._builder = IndexBuilder()
        if size:
            self._builder.add_all(index_tfrecord(path, stop=size))
        self._file = path.open("r+b" if size else "wb")
        self._file.truncate(size)
        self._file.seek(size)

    def write(self, records: Sequence[Encoded]) -> None:
        """Appends records."""
        framed = [frame(record.data) for record in records]
        self._file.write(b"".join(framed))
        for data, record in zip(framed, records, strict=True):
            number, folder = len(self._builder), folder_of(record.name)
            self._builder.add(number, self.size, len(data), record.source_id, folder, record.span)
            self.size += len(data)

    def flush(self) -> None:
        """Brings what was written to the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> RecordIndex:
        """Finishes the file and gives its index."""
        self.flush()
        self._file.close()
        return self._builder.build()


@contextmanager
def _as_os_error() -> Iterator[None]:
    """What the library says of a full disk or a missing folder, as the system would say it."""
    try:
        yield
    except RuntimeError as error:
        raise OSError(errno.EIO, " ".join(str(error).split()).partition(";")[0]) from None


class ArrayRecordShard:
    """An ArrayRecord file, which is always begun anew.

    Args:
        path: the temporary file.
        size: 0.
    """

    kind, resumable = ARRAY_RECORD, False

    def __init__(self, path: Path, size: int):
        self.size = size
        self._path = path
        self._builder = IndexBuilder()
        writer = library("Writing ArrayRecord").ArrayRecordWriter
        with _as_os_error():
            self._writer = writer(str(path), "group_size:1,uncompressed")

    def write(self, records: Sequence[Encoded]) -> None:
        """Appends records."""
        for record in records:
            with _as_os_error():
                self._writer.write(record.data)
            number, folder = len(self._builder), folder_of(record.name)
            self._builder.add(number, 0, 0, record.source_id, folder, record.span)

    def flush(self) -> None:
        """Does nothing: a part of such a file is of no use."""

    def close(self) -> RecordIndex:
        """Finishes the file and gives its index."""
        with _as_os_error():
            self._writer.close()
        self.size = self._path.stat().st_size
        return self._builder.build()


WRITERS: dict[str, type[TFRecordShard] | type[ArrayRecordShard]] = {
    "tfrecord": TFRecordShard,
    "arrayrecord": ArrayRecordShard,
}
