"""Reads one array from a `.npy` file that need not be trusted."""

import math
import os
from pathlib import Path
from tokenize import TokenError
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from framl_keras.errors import UserError

_UNREADABLE = (
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    TokenError,
    RecursionError,
    MemoryError,
)
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(path: Path) -> np.ndarray:
    """The array in a `.npy` file of plain numbers; nothing in it is run.

    Raises:
        UserError: if it cannot be read, is cut short, or holds Python objects.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}.") from None
    except _UNREADABLE as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path}: not a .npy file of numbers: {reason}.") from None


def _read(file: BinaryIO) -> np.ndarray:
    version = npy.read_magic(file)
    if version not in _READERS:
        raise ValueError(f"unknown version {version}")
    shape, is_fortran, dtype = _READERS[version](file)
    if dtype.kind not in "biuf" or any(side < 0 for side in shape):
        raise ValueError(f"it holds {dtype} {shape}")
    left = os.fstat(file.fileno()).st_size - file.tell()
    if math.prod(shape) * dtype.itemsize != left:
        raise ValueError(f"{left} bytes for {dtype} {shape}")
    values = np.frombuffer(file.read(), dtype=dtype)
    return values.reshape(shape, order="F" if is_fortran else "C")
