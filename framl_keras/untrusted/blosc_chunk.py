"""Chunks of Blosc 1: every offset and length is checked before the C library sees them.

The library trusts the offsets of the blocks, and crashes where they lead outside.
A chunk is 16 bytes of header, an offset for each block, and the blocks; a block is one
stream, or one for each byte of its numbers; a stream is its length and its bytes.
"""

import struct

_HEADER = struct.Struct("<4B3I")  # version, its version, flags, item, bytes, block, all bytes
_LENGTH = struct.Struct("<i")
_SHUFFLED, _COPIED, _BITS_SHUFFLED, _WHOLE = 1, 2, 4, 16
_KNOWN_FLAGS = _SHUFFLED | _COPIED | _BITS_SHUFFLED | _WHOLE | 0b11100000  # the codec
_EXPANSION, _FREE = 255, 1 << 26  # times that a chunk may grow, and what it may in any case

CODECS = ("blosclz", "lz4", "snappy", "zlib", "zstd")


def check_chunk(data: bytes, nbytes: int) -> None:
    """Checks a chunk that should unpack to `nbytes`.

    Raises:
        ValueError: if it is none, is cut short, or leads outside itself.
    """
    if len(data) < _HEADER.size:
        raise ValueError("the chunk is cut short")
    version, _, flags, item, size, block, length = _HEADER.unpack_from(data)
    if not 1 <= version <= 2 or length != len(data):
        raise ValueError("not a chunk of Blosc 1, or cut short")
    if size != nbytes:
        raise ValueError(f"the chunk holds {size} bytes, not the expected {nbytes}")
    if size > max(_FREE, _EXPANSION * length):
        raise ValueError(f"{length} bytes that unpack to {size}")
    is_extended = flags & _SHUFFLED and flags & _BITS_SHUFFLED
    if flags & ~_KNOWN_FLAGS or is_extended or not item or not 0 < block <= max(size, 1):
        raise ValueError("the chunk's header is damaged")
    if flags & _COPIED:
        if length != _HEADER.size + size:
            raise ValueError("the chunk's header is damaged")
    elif size:
        _check_blocks(data, size, block, 1 if flags & _WHOLE else item)


def codec_of(data: bytes) -> str:
    """The name of the codec that a chunk's header states."""
    return dict(enumerate(CODECS)).get(data[2] >> 5, "unknown")


def _check_blocks(data: bytes, size: int, block: int, streams: int) -> None:
    count = -(-size // block)
    first = _HEADER.size + 4 * count
    if first > len(data):
        raise ValueError("the chunk's list of blocks is cut short")
    left = len(data) - first
    for number, start in enumerate(struct.unpack_from(f"<{count}I", data, _HEADER.size)):
        if not first <= start < len(data):
            raise ValueError(f"block {number} lies outside the chunk")
        is_last = number == count - 1 and size % block
        parts, part_size = (1, size % block) if is_last else (streams, block // streams)
        if not is_last and block % streams:
            raise ValueError("the chunk's blocks do not hold whole numbers")
        left -= _check_streams(data, start, parts, part_size)
        if left < 0:
            raise ValueError("the chunk's blocks overlap")


def _check_streams(data: bytes, at: int, count: int, size: int) -> int:
    """Checks the streams of a block; how many bytes they take."""
    first = at
    for _ in range(count):
        length = _LENGTH.unpack_from(data, at)[0] if at + 4 <= len(data) else 0
        at += 4 + length
        if not 0 < length <= size or at > len(data):
            raise ValueError("a stream of the chunk lies outside it")
    return at - first
