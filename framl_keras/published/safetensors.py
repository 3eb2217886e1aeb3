"""Reads safetensors files: a length, a JSON header, and raw little-endian numbers."""

import json
import math
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from framl_keras.errors import UserError

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


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """Reads every tensor of a file.

    Raises:
        UserError: if the file is not what the format asks for.

    Reference:
        https://huggingface.co/docs/safetensors
    """
    content = path.read_bytes()
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        header.pop("__metadata__", None)
        return {name: _tensor(content, start, entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a safetensors file: {error}") from None


def _tensor(content: bytes, start: int, entry: dict[str, Any]) -> np.ndarray:
    """The tensor that a header's entry describes."""
    dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
    first, last = entry["data_offsets"]
    if last - first != math.prod(shape) * dtype.itemsize or first < 0:
        raise ValueError(f"offsets {first}, {last} do not hold {shape} of {entry['dtype']}")
    return np.frombuffer(content, dtype, math.prod(shape), start + first).reshape(shape)
