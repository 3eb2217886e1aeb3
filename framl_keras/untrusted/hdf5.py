"""HDF5 files that need not be trusted: a process of its own reads them first.

HDF5 is a C library that hostile files crash. So a child process reads everything once;
what crashes there, reads other files, or claims more than the file holds is refused.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

from framl_keras.untrusted import child

_KINDS = "biufV"  # numbers; V is how bfloat16 is kept
_LARGEST_OPAQUE = 2
_EXPANSION, _FREE = 20, 1 << 25
_SECONDS, _BYTES_A_SECOND = 6.0, 2e7
_MEMORY = 1 << 29  # of addresses, of which Python and the library take a quarter


def check_hdf5(path: Path, member: str | None = None) -> int:
    """Reads an HDF5 file, or one within a zip archive, where a crash does no harm.

    Args:
        path: the file, or the archive.
        member: the file's name in the archive.

    Returns:
        How many numbers are in it.

    Raises:
        ValueError: if it cannot be read in full, is not of numbers, or links to other files.
        OSError: if there is no such file.
    """
    size = path.stat().st_size
    return child.call_in_child(
        "framl_keras.untrusted.hdf5:count_numbers",
        str(path.absolute()),
        member,
        seconds=_SECONDS + size / _BYTES_A_SECOND,
        memory=_MEMORY + 3 * size,
    )


def count_numbers(path: str, member: str | None) -> int:
    """What the child process does: reads every number, and counts them."""
    import h5py  # noqa: PLC0415 - where only names are asked for it is not needed

    if member is None:
        with h5py.File(path, "r") as file:
            return _count(h5py, file, Path(path).stat().st_size)
    with zipfile.ZipFile(path) as archive:
        content = archive.read(member)
    with h5py.File(io.BytesIO(content), "r") as file:
        return _count(h5py, file, len(content))


def _count(h5py: Any, file: Any, size: int) -> int:
    total, left, seen = 0, _FREE + _EXPANSION * size, set()
    groups = [file]
    while groups:
        group = groups.pop()
        _read_attributes(group)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name[:60]!r} is a link to elsewhere")
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                raise ValueError(f"{name[:60]!r} stands in two places")
            seen.add(address)
            if isinstance(part, h5py.Group):
                groups.append(part)
                continue
            left -= _check_dataset(h5py, part, left)
            total += part.size or 0
            _read_attributes(part)
    return total


def _check_dataset(h5py: Any, part: Any, left: int) -> int:
    """Reads a dataset; how many bytes it takes."""
    if not isinstance(part, h5py.Dataset):
        raise ValueError(f"{part.name[-60:]} is neither a group nor an array")
    dtype = part.dtype
    if dtype.kind not in _KINDS or (dtype.kind == "V" and dtype.itemsize > _LARGEST_OPAQUE):
        raise ValueError(f"{part.name[-60:]} holds {dtype}, not numbers")
    if part.external or part.is_virtual:
        raise ValueError(f"{part.name[-60:]} has its numbers in another file")
    nbytes = (part.size or 0) * dtype.itemsize
    if nbytes > left:
        raise ValueError(f"{part.name[-60:]} of shape {part.shape} is more than the file holds")
    part[()]
    return nbytes


def _read_attributes(part: Any) -> None:
    for name in part.attrs:
        part.attrs[name]
