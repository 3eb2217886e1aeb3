"""Where each record of a file is and whose it shows: made once, then kept beside the file.

The index holds a CRC-32C, a line of JSON, and the arrays. It is made anew when
it does not fit the records' file (size or time of change) or is itself damaged.
"""

import hashlib
import json
import logging
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.data.records.damage import Damage
from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import parse_json

log = logging.getLogger(__name__)

MAGIC = b"framl-keras index 3\n"
SUFFIX = ".index"


@dataclass(frozen=True)
class RecordIndex:
    """The readable records of one file, in order.

    Attributes:
        numbers: int64 `(n,)`, each record's number or key in its file.
        offsets: int64 `(n,)`, where each begins, in bytes.
        sizes: int64 `(n,)`, how many bytes it takes.
        source_ids: int64 `(n,)`, the identities' numbers.
        spans: int64 `(n,)`, where in its record the image is; see `span_of`. 0 if unknown.
        names: what the records call an identity, where they say so.
        damage: what cannot be read.
    """

    numbers: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    source_ids: np.ndarray
    spans: np.ndarray
    names: dict[int, str]
    damage: tuple[Damage, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """The arrays, in the order in which they are kept."""
        return self.numbers, self.offsets, self.sizes, self.source_ids, self.spans


def span_of(data: bytes, image: bytes | None) -> int:
    """The bytes before an image in its record, times 2^32, plus those after it.

    With it, reading an image takes no parsing.
    """
    if not image:
        return 0
    before = data.find(image[:64])  # looking for a whole image costs as much as its checksum
    if not data.startswith(image, before):
        before = data.find(image)
    return before << 32 | len(data) - before - len(image)


def image_in(data: bytes, span: int) -> bytes:
    """The image in a record's data."""
    return data[span >> 32 : len(data) - (span & 0xFFFFFFFF)]


class IndexBuilder:
    """Collects records one by one."""

    def __init__(self) -> None:
        self._columns = tuple(array("q") for _ in range(5))
        self._names: dict[int, str] = {}
        self._damage: list[Damage] = []

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(
        self, number: int, offset: int, size: int, source_id: int, name: str = "", span: int = 0
    ) -> None:
        """Adds a readable record; the first name seen for an identity stays."""
        values = (number, offset, size, source_id, span)
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)
        if name:
            self._names.setdefault(source_id, name)

    def add_all(self, index: RecordIndex) -> None:
        """Adds all records of an index."""
        for column, values in zip(self._columns, index.columns, strict=True):
            column.extend(values.tolist())
        self._names = {**index.names, **self._names}

    def add_damage(self, damage: Damage) -> None:
        """Adds a place that cannot be read."""
        self._damage.append(damage)

    def build(self) -> RecordIndex:
        """The index of all that was added."""
        return _index_of(
            [np.array(column, dtype=np.int64) for column in self._columns],
            self._names,
            tuple(self._damage),
        )


def _index_of(
    columns: Sequence[np.ndarray], names: dict[int, str], damage: tuple[Damage, ...]
) -> RecordIndex:
    numbers, offsets, sizes, source_ids, spans = columns
    return RecordIndex(numbers, offsets, sizes, source_ids, spans, names, damage)


def cached_index(path: Path, make: Callable[[Path], RecordIndex], kind: str) -> RecordIndex:
    """The index of a file: the stored one if it still fits, or else a new one, stored.

    Args:
        path: the records' file.
        make: reads the file and makes its index.
        kind: what `make` reads, so that another reader's index is not taken for its own.
    """
    stamp = _stamp(path, kind)
    for place in _places(path):
        index = _read(place, stamp)
        if index is not None:
            return index
    index = make(path)
    store_index(path, index, kind)
    return index


def store_index(path: Path, index: RecordIndex, kind: str) -> None:
    """Keeps an index beside its file, or in the cache directory where that cannot be written."""
    stamp = _stamp(path, kind)
    for place in _places(path):
        try:
            with write_beside(place) as file:
                _write(file, index, stamp)
            return
        except OSError:
            continue
    log.warning("%s: its index could not be stored; it will be made again next time.", path)


def write_index_to(place: Path, index: RecordIndex, path: Path, kind: str) -> None:
    """Writes the index of a file to a place of the caller's; see `index_at`."""
    _write(place, index, _stamp(path, kind))


def index_at(place: Path, path: Path, kind: str) -> RecordIndex:
    """The index that `write_index_to` wrote.

    Raises:
        UserError: if the file has changed since.
    """
    index = _read(place, _stamp(path, kind))
    if index is None:
        raise UserError(f"{path}: has changed while it was read. Try again.")
    return index


def _places(path: Path) -> tuple[Path, Path]:
    """Beside the file, and in the user's cache directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return (
        path.with_name(path.name + SUFFIX),
        cache / "framl-keras" / f"{path.name}.{digest}{SUFFIX}",
    )


def _stamp(path: Path, kind: str) -> dict[str, int | str]:
    status = path.stat()
    return {"kind": kind, "size": status.st_size, "changed_ns": status.st_mtime_ns}


def _write(file: Path, index: RecordIndex, stamp: dict[str, int | str]) -> None:
    header = {
        **stamp,
        "records": len(index),
        "names": list(index.names.items()),
        "damage": list(index.damage),
    }
    line = json.dumps(header).encode("ascii") + b"\n"
    columns = b"".join(column.astype("<i8").tobytes() for column in index.columns)
    with file.open("wb") as out:
        out.writelines([MAGIC, _checksum(line, columns), line, columns])


def _read(place: Path, stamp: dict[str, int | str]) -> RecordIndex | None:
    """The index in a file, or None if there is none, it is damaged, or is another file's."""
    try:
        with place.open("rb") as file:
            magic, checksum, line = (file.readline() for _ in range(3))
            columns = file.read()  # the arrays stay in it: a large index is held once
        if magic != MAGIC or checksum != _checksum(line, columns):
            return None
        return _unpack(parse_json(line), np.frombuffer(columns, dtype="<i8"), stamp)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _checksum(line: bytes, columns: bytes) -> bytes:
    """A line with the CRC-32C of both."""
    return b"%08x\n" % google_crc32c.extend(google_crc32c.value(line), columns)


def _unpack(
    header: dict[str, Any], numbers: np.ndarray, stamp: dict[str, int | str]
) -> RecordIndex | None:
    """The index, or None if it was made for another file."""
    if {key: header.get(key) for key in stamp} != stamp:
        return None
    columns = numbers.reshape(5, header["records"])
    _, offsets, sizes, *_ = columns
    if np.any(offsets < 0) or np.any(sizes < 0) or np.any(offsets > int(stamp["size"]) - sizes):
        return None
    names = {int(source_id): str(name) for source_id, name in header["names"]}
    damage = tuple(Damage(*parts) for parts in header["damage"])
    return _index_of(list(columns), names, damage)
