"""Reads safetensors files: a length, a JSON header, and raw little-endian numbers."""

import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import parse_json

DTYPES: dict[str, Any] = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": ml_dtypes.bfloat16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
    "BOOL": "?",
}
_SIDES = 32  # that NumPy can hold


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a file.

    Raises:
        UserError: if the file is not what the format asks for.

    Reference:
        https://huggingface.co/docs/safetensors
    """
    try:
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        if not 8 < start <= len(content):
            raise ValueError("it is cut short, or of another format")
        header = parse_json(content[8:start])
        if not isinstance(header, dict):
            raise ValueError("its header is no list of tensors")
        header.pop("__metadata__", None)
        return {name: _tensor(content, start, entry) for name, entry in header.items()}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UserError(f"{path}: not a safetensors file: {error}") from None


def _tensor(content: bytes, start: int, entry: Any) -> np.ndarray:
    """The tensor that a header's entry describes."""
    try:
        kind, sides, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        dtype = np.dtype(DTYPES[kind])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"no tensor: {str(entry)[:80]}") from None
    numbers = [*sides, first, last] if isinstance(sides, list) and len(sides) <= _SIDES else [None]
    if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError(f"no tensor: {str(entry)[:80]}")
    size = math.prod(sides)
    if last - first != size * dtype.itemsize or start + last > len(content):
        raise ValueError(f"offsets {first}, {last} do not hold {str(sides)[:60]} of {kind}")
    return np.frombuffer(content, dtype, size, start + first).reshape(sides)
