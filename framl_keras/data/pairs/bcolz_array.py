"""Arrays that bcolz wrote to disk, read chunk by chunk without bcolz.

A directory holds `meta/sizes` and `meta/storage` in JSON, and `data/__N.blp`:
16 bytes of header, then one chunk of rows compressed by Blosc 1.
"""

import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import blosc2
import numpy as np

from framl_keras.errors import UserError
from framl_keras.untrusted.blosc_chunk import check_chunk, codec_of
from framl_keras.untrusted.json_text import read_json

_DTYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64"),
)
_PACK_HEADER = 16
_RESTORE = "Restore the bcolz directory."
_KEPT_CHUNKS = 4


def is_bcolz(path: Path) -> bool:
    """Whether a folder looks like an array of bcolz."""
    return (path / "meta" / "storage").is_file() and (path / "meta" / "sizes").is_file()


class BcolzArray:
    """A bcolz `carray` on disk; `array[i]` reads the chunk that holds row `i`.

    The last few chunks stay decompressed, so reading in order decompresses
    each one once.

    Args:
        path: the directory.

    Raises:
        UserError: if its description is damaged or a chunk is missing.
    """

    def __init__(self, path: Path):
        self.path = path
        sizes, storage = _read_json(path / "meta" / "sizes"), _read_json(path / "meta" / "storage")
        self.shape = _shape(sizes.get("shape"), path)
        self.dtype = _dtype(storage.get("dtype"), path)
        self._rows = _chunk_rows(storage.get("chunklen"), self.shape, self.dtype, path)
        self._chunks: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        self._check_chunks()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> np.ndarray:
        """One row, of shape `shape[1:]`.

        Raises:
            IndexError: if there is no such row.
            UserError: if its chunk cannot be read.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        chunk, row = divmod(int(index), self._rows)
        return self._chunk(chunk)[row]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def _chunk(self, number: int) -> np.ndarray:
        with self._lock:
            cached = self._chunks.pop(number, None)
            rows = self._read_chunk(number) if cached is None else cached
            self._chunks[number] = rows
            if len(self._chunks) > _KEPT_CHUNKS:
                self._chunks.popitem(last=False)
            return rows

    def _read_chunk(self, number: int) -> np.ndarray:
        path = self._chunk_path(number)
        rows = min(self._rows, len(self) - number * self._rows)
        try:
            packed = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}. Restore it.") from None
        values = np.empty((rows, *self.shape[1:]), dtype=self.dtype)
        _decompress(packed[_PACK_HEADER:], values, path)
        return values

    def _chunk_path(self, number: int) -> Path:
        return self.path / "data" / f"__{number}.blp"

    def _check_chunks(self) -> None:
        count = -(-len(self) // self._rows)
        missing = (self._chunk_path(n) for n in range(count) if not self._chunk_path(n).is_file())
        first = next(missing, None)
        if first:
            raise UserError(f"{first}: this chunk of {count} is missing. Restore the directory.")


def _decompress(compressed: bytes, values: np.ndarray, path: Path) -> None:
    """Fills `values` from a Blosc 1 chunk, which is checked before the library sees it."""
    try:
        check_chunk(compressed, values.nbytes)
        blosc2.decompress(compressed, dst=values)
    except ValueError as error:
        raise UserError(f"{path}: {error}. {_RESTORE}") from None
    except RuntimeError as error:
        codec = codec_of(compressed)
        hint = "blosc2 lacks it; write the array with lz4." if codec == "snappy" else _RESTORE
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: codec {codec}: cannot be decompressed ({reason}). {hint}"
        ) from None


def _read_json(path: Path) -> dict[str, Any]:
    content = read_json(path, "JSON", _RESTORE)
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object. {_RESTORE}")
    return content


def _shape(value: Any, path: Path) -> tuple[int, ...]:
    is_list = isinstance(value, list) and 1 <= len(value) <= 8
    if not is_list or not all(type(side) is int and 0 <= side < 2**40 for side in value):
        raise UserError(f"{path}/meta/sizes: expected a shape, not {str(value)[:60]}.")
    return tuple(value)


def _dtype(value: Any, path: Path) -> np.dtype:
    kinds = [np.dtype(name) for name in _DTYPES]
    known = {kind.name: kind for kind in kinds} | {kind.str: kind for kind in kinds}
    known |= {kind.newbyteorder(">").str: kind.newbyteorder(">") for kind in kinds}
    if not isinstance(value, str) or value not in known:
        raise UserError(f"{path}/meta/storage: expected a dtype of numbers, not {str(value)[:60]}.")
    return known[value]


def _chunk_rows(value: Any, shape: tuple[int, ...], dtype: np.dtype, path: Path) -> int:
    if type(value) is not int or value < 1:
        raise UserError(f"{path}/meta/storage: expected rows in a chunk, not {str(value)[:60]}.")
    rows = max(1, min(value, shape[0]))
    if rows * math.prod(shape[1:]) * dtype.itemsize >= 2**31:
        raise UserError(f"{path}: a chunk of {rows} rows of shape {shape[1:]} is too large.")
    return value
