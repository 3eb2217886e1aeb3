"""Reads safetensors files: a length, a JSON header, and raw little-endian numbers."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import LARGEST, parse_json

DTYPES: dict[str, Any] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": ml_dtypes.bfloat16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
}
_SIDES = 32  # that NumPy can hold


class Tensor(NamedTuple):
    """Where a tensor lies in a file, its numbers not yet read.

    Attributes:
        path: the file.
        dtype: of its numbers.
        shape: its sides.
        start: where its first byte is.
    """

    path: Path
    dtype: np.dtype
    shape: tuple[int, ...]
    start: int

    def read(self) -> np.ndarray:
        """All of it."""
        return self._numbers(0, math.prod(self.shape)).reshape(self.shape)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Some rows, `(last - first, ...)`, of a tensor that has rows."""
        row = math.prod(self.shape[1:])
        numbers = self._numbers(first * row, (last - first) * row)
        return numbers.reshape(last - first, *self.shape[1:])

    def _numbers(self, first: int, count: int) -> np.ndarray:
        raw = np.fromfile(self.path, np.uint8, count * self.dtype.itemsize, offset=self.start
                            + first * self.dtype.itemsize)  # fmt: skip
        return raw.view(self.dtype)


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a file.

    Raises:
        UserError: if the file is not what the format asks for.

    Reference:
        https://huggingface.co/docs/safetensors
    """
    try:
        return {name: tensor.read() for name, tensor in tensors_in(path).items()}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UserError(f"{path}: not a safetensors file: {error}") from None


def tensors_in(path: Path) -> dict[str, Tensor]:
    """Where every tensor of a file lies, by name; all lie within it.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not what the format asks for.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 0 < length <= min(size - 8, LARGEST):
            raise ValueError("it is cut short, or of another format")
        header = parse_json(stream.read(length))
    if not isinstance(header, dict):
        raise ValueError("its header is no list of tensors")
    header.pop("__metadata__", None)
    return {name: _tensor(path, 8 + length, size, entry) for name, entry in header.items()}


def _tensor(path: Path, start: int, size: int, entry: Any) -> Tensor:
    """The tensor that a header's entry describes."""
    try:
        kind, sides, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        dtype = np.dtype(DTYPES[kind])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"no tensor: {str(entry)[:80]}") from None
    numbers = [*sides, first, last] if isinstance(sides, list) and len(sides) <= _SIDES else [None]
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError(f"no tensor: {str(entry)[:80]}")
    if last - first != math.prod(sides) * dtype.itemsize or start + last > size:
        raise ValueError(f"offsets {first}, {last} do not hold {str(sides)[:60]} of {kind}")
    return Tensor(path, dtype, tuple(sides), start + first)
