"""How many pixels an encoded image unpacks to, by its header, before anything decodes it.

One parser a format. Each also refuses what it can tell to be cut short, which decoders
fill with gray.
"""

import struct
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

MOST_PIXELS = 1 << 27  # no photograph has more
_FREE_MEMORY = 1 << 28  # bytes that a file may unpack to, however small it is
_PIXELS_A_BYTE = 64  # beyond that; a photograph has a few
_LONGEST_END = 4096  # what may follow after an image's end


def fits(data: bytes, kind: str) -> bool:
    """Whether an image may be decoded: its header is sound and its size within reason.

    Args:
        data: the encoded image.
        kind: its format, as `image_format` names it.
    """
    parser = _PARSERS[kind]
    try:
        pixels = parser.pixels(data)
    except (ValueError, IndexError, struct.error):
        return False
    return 0 < pixels <= most_pixels(len(data), parser.memory)


def most_pixels(length: int, memory: int = 12) -> int:
    """How many pixels a file of some length may have.

    Args:
        length: bytes of the file.
        memory: bytes that decoding takes for each pixel; 12 is a progressive JPEG's.
    """
    return min(MOST_PIXELS, max(_FREE_MEMORY // memory, _PIXELS_A_BYTE * length))


def _png(data: bytes) -> int:
    length, name, width, height = struct.unpack_from(">I4sII", data, 8)
    if name != b"IHDR" or length != 13:
        raise ValueError("no header")
    at = 8
    while name != b"IEND":  # OpenCV takes memory for as long a chunk as its length says
        length, name = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if at > len(data):
            raise ValueError("cut short")
    return width * height


def _bmp(data: bytes) -> int:
    start, header = struct.unpack_from("<II", data, 10)
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    else:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if width <= 0 or bits not in (1, 2, 4, 8, 16, 24, 32):
        raise ValueError("not an image")
    is_plain = packing not in (1, 2)  # run lengths
    if is_plain and start + (width * bits + 31) // 32 * 4 * height > len(data):
        raise ValueError("cut short")
    return width * height


def _gif(data: bytes) -> int:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    while data[at] == 0x21:  # an extension: its label, then blocks
        at = _after_blocks(data, at + 2)
    if data[at] != 0x2C:
        raise ValueError("no frame")
    left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    if left + frame_width > width or top + frame_height > height:
        raise ValueError("a frame beyond the image")
    _after_blocks(data, at + 11 + (3 << (flags & 7) + 1 if flags & 128 else 0))
    return width * height


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _webp(data: bytes) -> int:
    (length,) = struct.unpack_from("<I", data, 4)
    if length + 8 > len(data):
        raise ValueError("cut short")
    name = data[12:16]
    if name == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif name == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif name == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise ValueError("not an image")
    return width * height


_SHORT, _LONG, _LONG8 = 3, 4, 16
_TIFF_TYPES = {1: "B", _SHORT: "H", _LONG: "I", _LONG8: "Q"}
_WIDTH, _HEIGHT, _BITS, _SAMPLES = 256, 257, 258, 277
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_MOST_SAMPLES, _MOST_TAGS = 4, 1000


def _tiff(data: bytes) -> int:
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, at)
    at, size = at + (8 if is_big else 2), 20 if is_big else 12
    if count > _MOST_TAGS or at + count * size > len(data):
        raise ValueError("cut short")
    tags = {}
    for entry in range(at, at + count * size, size):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if kind in _TIFF_TYPES:
            code = order + _TIFF_TYPES[kind]
            (tags[tag],) = struct.unpack_from(code, data, entry + (12 if is_big else 8))
    if tags.get(_SAMPLES, 1) > _MOST_SAMPLES:
        raise ValueError("more channels than an image has")
    pixels = tags[_WIDTH] * tags[_HEIGHT] if {_WIDTH, _HEIGHT} <= tags.keys() else 0
    return max(pixels, tags.get(_TILE_WIDTH, 0) * tags.get(_TILE_HEIGHT, 0)) if pixels else 0


_SIZ, _MOST_TILES = b"\xff\x4f\xff\x51", 1 << 14


def _jpeg_2000(data: bytes) -> int:
    at = data.find(_SIZ)
    if at < 0 or b"\xff\xd9" not in data[-_LONGEST_END:]:
        raise ValueError("no header, or cut short")
    _, _, right, bottom, left, top, tile_width, tile_height, _, _, channels = struct.unpack_from(
        ">HHIIIIIIIIH", data, at + 4
    )
    if not (left < right and top < bottom and tile_width and tile_height):
        raise ValueError("not an image")
    tiles = (-(-right // tile_width)) * (-(-bottom // tile_height))
    if not 1 <= channels <= _MOST_SAMPLES or tiles > _MOST_TILES:
        raise ValueError("more channels or tiles than an image has")
    return (right - left) * (bottom - top)


_BOXES, _MOST_BOXES = {b"meta": 12, b"iprp": 8, b"ipco": 8}, 1000


def _avif(data: bytes) -> int:
    if not all(end <= len(data) for *_, end in islice(_boxes(data, 0, len(data)), _MOST_BOXES)):
        raise ValueError("cut short")
    parts, sizes = [(0, len(data))], []
    while parts:
        for name, start, end in islice(_boxes(data, *parts.pop()), _MOST_BOXES):
            if name == b"ispe":
                width, height = struct.unpack_from(">II", data, start + 12)
                sizes.append(width * height)
            elif name in _BOXES:
                parts.append((start + _BOXES[name], end))
    return max(sizes)


def _boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes of a file of ISO's media format: name, start, end."""
    while at + 8 <= stop:
        length, name = struct.unpack_from(">I4s", data, at)
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
        end = stop if length == 0 else at + length
        if end < at + 8:
            raise ValueError("not a box")
        yield name, at, end
        at = end


_RAW_BITS = {b"4": 1, b"5": 8, b"6": 24}
_MOST_COMMENTS, _LONGEST_WORD = 100, 10


def _pnm(data: bytes) -> int:
    """A plain image has a character for each sample at least; a raw one its bits."""
    kind = data[1:2]
    needed = 2 if kind in b"14" else 3
    (width, height, *most), at = _pnm_numbers(data, needed)
    if most and not 0 < most[0] < 1 << 16:
        raise ValueError("not an image")
    bits = _RAW_BITS.get(kind, 24 if kind == b"3" else 8)
    if most and kind in _RAW_BITS and most[0] > 255:
        bits *= 2
    if (width * bits + 7) // 8 * height > len(data) - at:
        raise ValueError("cut short")
    return width * height


def _pnm_numbers(data: bytes, count: int) -> tuple[list[int], int]:
    """The numbers that a header begins with, comments left out, and where they end."""
    numbers: list[int] = []
    at = 2
    for _ in range(_MOST_COMMENTS):
        while data[at : at + 1].isspace():
            at += 1
        if data[at : at + 1] == b"#":
            at = data.index(b"\n", at)
            continue
        end = at
        while data[end : end + 1].isdigit():
            end += 1
        if not 0 < end - at <= _LONGEST_WORD:
            break
        numbers.append(int(data[at:end]))
        at = end
        if len(numbers) == count:
            return numbers, at + 1
    raise ValueError("not an image")


MOST_SCANS = 64
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {1, *range(0xD0, 0xD9)}


def _jpeg(data: bytes) -> int:
    """Many passes over a large image are what a small file takes minutes with."""
    if b"\xff\xd9" not in data[-64:] or data.count(b"\xff\xda") > MOST_SCANS:
        raise ValueError("cut short, or of too many passes")
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise ValueError("not a marker")
        code = data[at + 1]
        if code == 0xFF or code in _ALONE:
            at += 1 if code == 0xFF else 2
            continue
        length, _, height, width, channels = struct.unpack_from(">HBHHB", data, at + 2)
        if code in _FRAMES:
            if not 1 <= channels <= _MOST_SAMPLES:
                raise ValueError("more channels than an image has")
            return height * width
        at += 2 + max(length, 2)
    raise ValueError("no frame")


class _Parser(NamedTuple):
    pixels: Callable[[bytes], int]
    memory: int  # bytes that decoding takes for each pixel, as measured, rounded up


_PARSERS = {
    "JPEG": _Parser(_jpeg, 12),
    "PNG": _Parser(_png, 12),
    "BMP": _Parser(_bmp, 8),
    "GIF": _Parser(_gif, 16),
    "WebP": _Parser(_webp, 16),
    "TIFF": _Parser(_tiff, 40),
    "JPEG 2000": _Parser(_jpeg_2000, 40),
    "AVIF": _Parser(_avif, 16),
    "PNM": _Parser(_pnm, 16),
}
