"""What can be told of one image."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from framl_keras.data.decode import decode
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError


class Look(NamedTuple):
    """What was seen of a sample.

    Attributes:
        position: its place in the source.
        digest: 64 bits of its bytes' BLAKE2b; 0 if it cannot be read.
        height: in pixels, as is `width`; 0 if it cannot be read.
        width: see `height`.
        problem: why it cannot be read, or an empty string.
    """

    position: int
    digest: int
    height: int
    width: int
    problem: str


def look_at(source: Source, positions: Iterable[int]) -> list[Look]:
    """Reads and decodes some samples."""
    return [_look(source, int(position)) for position in positions]


def digest_of(image: bytes | np.ndarray) -> int:
    """64 bits of a digest that tells different contents apart."""
    content = image if isinstance(image, bytes) else image.tobytes()
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def _look(source: Source, position: int) -> Look:
    try:
        sample = source[position]
        height, width, _ = decode(sample).shape
    except UserError as error:
        return Look(position, 0, 0, 0, str(error))
    return Look(position, digest_of(sample.image), height, width, "")
