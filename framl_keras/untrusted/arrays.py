"""NumPy's files, read without NumPy: no Python object, and no more memory than the file has."""

import io
import math
import os
import re
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import numpy as np

from framl_keras.errors import UserError
from framl_keras.untrusted.zip_file import open_zip

_MAGIC = b"\x93NUMPY"
_LENGTHS = {1: 2, 2: 4, 3: 4}  # bytes that say how long the header is, by version
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    r"\{'descr': '(?P<descr>[<>|=]?[biufUS]\d{1,9})', 'fortran_order': (?P<order>True|False), "
    r"'shape': \((?P<shape>[\dL, ]*)\),? ?\}\s*"
)
_NUMBERS, _TEXT = "biuf", "US"


def read_npy(path: Path) -> np.ndarray:
    """The array in a `.npy` file of numbers or text.

    Raises:
        ValueError: if it is none, is cut short, or holds Python objects.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        return _read(file, os.fstat(file.fileno()).st_size)


def read_numbers(path: Path) -> np.ndarray:
    """The numbers in a `.npy` file.

    Raises:
        UserError: if it cannot be read, or holds something else.
    """
    try:
        values = read_npy(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UserError(f"{path}: not a .npy file of numbers: {error}.") from None
    if values.dtype.kind not in _NUMBERS:
        raise UserError(f"{path}: not a .npy file of numbers: it holds {values.dtype}.")
    return values


def read_npz(path: Path, besides: Collection[str] = ()) -> dict[str, np.ndarray]:
    """The arrays in a `.npz` file by their names.

    Args:
        path: the file.
        besides: members that are no arrays, to be passed over.

    Raises:
        ValueError: if it is none, is damaged, or holds Python objects.
        OSError: if it cannot be read.
    """
    with open_zip(path) as archive:
        names = [name for name in archive.namelist() if name not in besides]
        return {name.removesuffix(".npy"): read_member(archive, name) for name in names}


def read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of an open archive.

    Raises:
        ValueError: if it is none.
    """
    content = archive.read(name)  # which checks its checksum
    try:
        return _read(io.BytesIO(content), len(content))
    except ValueError as error:
        raise ValueError(f"{name[:60]}: {error}") from None


def _read(file: BinaryIO, size: int) -> np.ndarray:
    start = file.read(8)
    length_bytes = _LENGTHS.get(start[6] if len(start) == 8 else 0)
    if not start.startswith(_MAGIC) or not length_bytes:
        raise ValueError("not an array of NumPy's")
    length = int.from_bytes(file.read(length_bytes), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"a header of {length} bytes")
    shape, is_fortran, dtype = _parse(file.read(length).decode("latin-1"))
    expected, left = math.prod(shape) * dtype.itemsize, size - file.tell()
    if expected != left:
        raise ValueError(f"{left} bytes for {dtype} {_shown(shape)}, which takes {expected}")
    values = np.empty(0, dtype) if not left else np.frombuffer(file.read(), dtype)
    if dtype.kind == "U" and not _is_text(values):
        raise ValueError("text of characters that there are not")
    return values.reshape(shape, order="F" if is_fortran else "C")


def _is_text(values: np.ndarray) -> bool:
    """Whether all are characters; Python ends in a SystemError at others."""
    codes = values.view(np.dtype("u4").newbyteorder(values.dtype.byteorder))
    return not codes.size or not (codes > 0x10FFFF).any() | (codes >> 11 == 0xD800 >> 11).any()


def _parse(header: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    match = _HEADER.fullmatch(header)
    if not match:
        raise ValueError(f"not plain numbers: {' '.join(header.split())[:80]}")
    kind, length = match["descr"].lstrip("<>|=")[0], int(match["descr"].lstrip("<>|=")[1:])
    if kind in _NUMBERS and f"{kind}{length}" not in _SIZES:
        raise ValueError(f"numbers of type {match['descr']}")
    sides = [side.strip().removesuffix("L") for side in match["shape"].split(",")]
    digits = [side for side in sides if side]
    if len(digits) > 32 or not all(side.isdigit() and len(side) < 19 for side in digits):
        raise ValueError(f"an array of shape {match['shape'][:60]}")
    if length == 0 or (kind in _TEXT and length > 1 << 20):
        raise ValueError(f"text of type {match['descr']}")
    return tuple(map(int, digits)), match["order"] == "True", np.dtype(match["descr"])


_SIZES = {"b1", *(f"{k}{n}" for k in "iu" for n in (1, 2, 4, 8)), "f2", "f4", "f8"}


def _shown(shape: tuple[int, ...]) -> str:
    return str(shape)[:60]
