"""Zip archives that need not be trusted: what they unpack to is known before it is unpacked."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# what zipfile raises for damaged archives, unknown compression and passwords included
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    RuntimeError,
    OverflowError,
    MemoryError,
)
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_EXPANSION = 20  # times that an archive may grow, beyond _FREE
_FREE = 1 << 25
_ENCRYPTED = 1


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens an archive whose members are plain, named once, and not larger than they may be.

    Raises:
        ValueError: if it is none, also where a member is damaged that the block reads.
        OSError: if the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, path.stat().st_size)
            yield archive
    except _DAMAGE as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ValueError(f"a damaged zip archive: {reason}") from error


def _check(archive: zipfile.ZipFile, size: int) -> None:
    members = archive.infolist()
    if len({member.filename for member in members}) < len(members):
        raise ValueError("two members of one name")
    for member in members:
        if member.compress_type not in _COMPRESSIONS or member.flag_bits & _ENCRYPTED:
            raise ValueError(f"{member.filename[:60]!r} is encrypted or compressed unusually")
        is_stored = member.compress_type == zipfile.ZIP_STORED
        if is_stored and member.file_size != member.compress_size:
            raise ValueError(f"{member.filename[:60]!r} states two sizes")
    if sum(member.compress_size for member in members) > size:
        raise ValueError("its members overlap, or it is cut short")
    if sum(member.file_size for member in members) > _FREE + _EXPANSION * size:
        raise ValueError("it unpacks to many times its size")
