"""Fingerprints of many images, in parallel."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from framl_keras.data.auditing.perceptual_hash import WORDS, perceptual_hash
from framl_keras.data.checking.look import digest_of
from framl_keras.data.decode import decode
from framl_keras.data.parallel import ordered_map
from framl_keras.data.sources.source import Images
from framl_keras.errors import UserError

_CHUNK = 256


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of the readable images among some.

    Attributes:
        positions: int64 `(n,)`, their places.
        digests: uint64 `(n,)`, equal for equal pixels.
        hashes: uint64 `(n, 4)`, near for similar pictures.
        mirrored: the hashes of the mirror images, or an empty array.
        unreadable: what is wrong with the others.
    """

    positions: np.ndarray
    digests: np.ndarray
    hashes: np.ndarray
    mirrored: np.ndarray
    unreadable: list[str]

    @classmethod
    def of_nothing(cls) -> "Fingerprints":
        """No fingerprints."""
        hashes = np.empty((0, WORDS), dtype=np.uint64)
        return cls(np.empty(0, np.int64), np.empty(0, np.uint64), hashes, hashes, [])


def fingerprints(
    images: Images, title: str, threads: int, mirror: bool = False, positions: range | None = None
) -> Iterator[Fingerprints]:
    """Fingerprints of all images or those at some positions, in chunks, in order, with a bar."""
    chosen = range(len(images)) if positions is None else positions
    chunks = [chosen[at : at + _CHUNK] for at in range(0, len(chosen), _CHUNK)]
    with tqdm(total=len(chosen), unit="img", desc=title) as bar:
        for part in ordered_map(lambda chunk: _of(images, chunk, mirror), chunks, threads):
            yield part
            bar.update(len(part.positions) + len(part.unreadable))


def _of(images: Images, positions: range, mirror: bool) -> Fingerprints:
    rows, mirrored, unreadable = [], [], []
    for position in positions:
        try:
            pixels = decode(images[position])
        except UserError as error:
            unreadable.append(str(error))
            continue
        rows.append((position, digest_of(pixels), perceptual_hash(pixels)))
        if mirror:
            mirrored.append(perceptual_hash(np.ascontiguousarray(pixels[:, ::-1])))
    empty = np.empty((0, 4), dtype=np.uint64)
    return Fingerprints(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.uint64),
        np.array([row[2] for row in rows]) if rows else empty,
        np.array(mirrored) if mirrored else empty,
        unreadable,
    )
