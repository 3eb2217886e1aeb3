"""TFRecord framing: length, CRC of the length, data, CRC of the data; all little-endian."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from framl_keras.data.records.damage import Damage, DamagedRecordError

HEADER = struct.Struct("<QI")
FOOTER = struct.Struct("<I")
OVERHEAD = HEADER.size + FOOTER.size


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and offset as TFRecord stores it."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """One record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return b"".join((length, FOOTER.pack(masked_crc(length)), data, FOOTER.pack(masked_crc(data))))


def unframe(framed: bytes) -> bytes:
    """The data of one framed record.

    Raises:
        DamagedRecordError: if it is cut short or a checksum does not hold.
    """
    if len(framed) < OVERHEAD:
        raise DamagedRecordError("the file ends within the record")
    length = read_length(framed[: HEADER.size])
    if length + OVERHEAD > len(framed):
        raise DamagedRecordError("the file ends within the record")
    data = framed[HEADER.size : HEADER.size + length]
    if masked_crc(data) != FOOTER.unpack_from(framed, HEADER.size + length)[0]:
        raise DamagedRecordError("its checksum (CRC-32C) does not hold")
    return data


def read_length(header: bytes) -> int:
    """The length that a record's header states.

    Raises:
        DamagedRecordError: if its checksum does not hold, so that nothing after it can be found.
    """
    length, crc = HEADER.unpack(header)
    if masked_crc(header[:8]) != crc:
        raise DamagedRecordError("the checksum of its length does not hold")
    return int(length)


def is_tfrecord(start: bytes) -> bool:
    """Whether a file that begins like this is framed as TFRecord."""
    return len(start) >= HEADER.size and masked_crc(start[:8]) == HEADER.unpack_from(start)[1]


def walk(path: Path, stop: int | None = None) -> Iterator[tuple[int, int, bytes | Damage]]:
    """Each record's offset, framed size, and data, or what is wrong with it.

    Args:
        path: the file.
        stop: where to stop reading; the end of the file if None.
    """
    end = path.stat().st_size if stop is None else stop
    with path.open("rb", buffering=1 << 20) as file:
        offset, record = 0, 0
        while offset < end:
            try:
                size = _next_size(file, end - offset)
            except DamagedRecordError as error:  # where the next record begins is lost
                left = end - offset
                yield offset, left, Damage(record, offset, f"{error}; {left} bytes are lost")
                return
            yield offset, size, _data_or_damage(file, size, record, offset)
            offset += size
            record += 1


def _next_size(file: BinaryIO, left: int) -> int:
    """The framed size of the record that begins here; `left` bytes are left."""
    header = file.read(HEADER.size)
    if len(header) < HEADER.size:
        raise DamagedRecordError("the file ends within the record")
    size = read_length(header) + OVERHEAD
    if size > left:
        raise DamagedRecordError("the file ends within the record")
    return size


def _data_or_damage(file: BinaryIO, size: int, record: int, offset: int) -> bytes | Damage:
    rest = file.read(size - HEADER.size)
    data = rest[: -FOOTER.size]
    if len(rest) < size - HEADER.size:
        return Damage(record, offset, "the file ends within the record")
    if masked_crc(data) != FOOTER.unpack(rest[-FOOTER.size :])[0]:
        return Damage(record, offset, "its checksum (CRC-32C) does not hold")
    return data
