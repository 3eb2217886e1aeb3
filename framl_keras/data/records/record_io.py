"""MXNet's RecordIO framing: magic, flag and length, data, padding to four bytes."""

import struct
from typing import NamedTuple

from framl_keras.data.records.damage import DamagedRecordError
from framl_keras.data.records.positioned_file import PositionedFile

MAGIC = struct.pack("<I", 0xCED7230A)
_PART = struct.Struct("<4sI")
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_HEAD = 96  # bytes that hold the frame, the image's header and a few labels


class ImageHeader(NamedTuple):
    """What stands before an image in a record.

    Attributes:
        labels: the label, or several; of an identity's own record, its range of keys.
        size: bytes that the header takes.
    """

    labels: tuple[float, ...]
    size: int


_HEADER = struct.Struct("<IfQQ")


def is_record_io(start: bytes) -> bool:
    """Whether a file that begins like this holds RecordIO."""
    return start.startswith(MAGIC)


def read_record(file: PositionedFile, offset: int, size: int) -> bytes:
    """The data of the record that takes `size` bytes from `offset` on, its parts joined.

    Parts are split where the data hold the magic number; it stands between them.

    Raises:
        DamagedRecordError: if no record begins there, or it is cut short.
    """
    framed = file.read(offset, size)
    parts: list[bytes] = []
    at, flag = 0, _FIRST
    while not parts or flag not in (_WHOLE, _LAST):
        flag, length = _part(framed[at : at + _PART.size], first=not parts)
        begin = at + _PART.size
        if begin + length > len(framed):
            raise DamagedRecordError("the file ends within the record")
        parts.append(framed[begin : begin + length])
        at = begin + _padded(length)
    return MAGIC.join(parts)


def measure(file: PositionedFile, offset: int) -> tuple[int, ImageHeader, bool]:
    """Looks at the record at `offset` without reading its image.

    Returns:
        The bytes it takes with padding, its header, and whether an image follows.

    Raises:
        DamagedRecordError: if no record begins there, it is cut short, or its header is damaged.
    """
    head = file.read(offset, _HEAD)
    flag, length = _part(head[: _PART.size], first=True)
    size = _PART.size + _padded(length)
    if flag == _WHOLE:
        data = head[_PART.size : _PART.size + length]
        total = length
    else:
        size += _measure_rest(file, offset + size)
        data = read_record(file, offset, size)
        total = len(data)
    needed = _HEADER.size + 4 * _label_count(data)
    if needed > len(data) and flag == _WHOLE and needed <= length:
        data = file.read(offset + _PART.size, needed)
    header = parse_header(data)
    return size, header, total > header.size


def parse_header(data: bytes) -> ImageHeader:
    """The header at the beginning of a record's data.

    Raises:
        DamagedRecordError: if the data are too short for it.
    """
    count = _label_count(data)
    size = _HEADER.size + 4 * count
    if size > len(data):
        raise DamagedRecordError("the record is too short for the labels that its header announces")
    labels = struct.unpack_from(f"<{count}f", data, _HEADER.size)
    return ImageHeader(labels or (_HEADER.unpack_from(data)[1],), size)


def _label_count(data: bytes) -> int:
    if len(data) < _HEADER.size:
        raise DamagedRecordError("the record is too short for an image's header")
    return int(_HEADER.unpack_from(data)[0])


def _measure_rest(file: PositionedFile, offset: int) -> int:
    """The bytes that the parts after the first take."""
    at, flag = offset, _MIDDLE
    while flag != _LAST:
        flag, length = _part(file.read(at, _PART.size), first=False)
        at += _PART.size + _padded(length)
    return at - offset


def _part(head: bytes, first: bool) -> tuple[int, int]:
    """A part's flag and length."""
    if len(head) < _PART.size:
        raise DamagedRecordError("the file ends within the record")
    magic, word = _PART.unpack(head)
    flag = word >> 29
    if magic != MAGIC:
        raise DamagedRecordError("no record begins here (its magic number is missing)")
    if flag > _LAST or (flag in (_WHOLE, _FIRST)) != first:
        raise DamagedRecordError("its parts are out of order")
    return flag, word & ((1 << 29) - 1)


def _padded(length: int) -> int:
    return -(-length // 4) * 4
