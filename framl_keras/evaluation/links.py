"""Which pairs share an identity, also where a set does not say who is in its images.

Two images of a same-pair show one identity, and so do images of equal bytes. What
follows from these links is used; images that nothing links count as identities of
their own, which is said wherever an interval is given.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Source = Literal["identities", "identities and links", "links", "pairs"]
KNOWN: Source = "identities"


@dataclass(frozen=True)
class Units:
    """The units that pairs are made of: identities, as far as they are known.

    Attributes:
        of_pairs: the two units of each pair, from 0, int64 `(num_pairs, 2)`.
        count: how many units there are.
        source: what they follow from: `identities`, `links` (same-pairs and equal
            images), both, or nothing: then each pair is a unit.
    """

    of_pairs: np.ndarray
    count: int
    source: Source

    @property
    def are_known(self) -> bool:
        """Whether all identities are given, so that no pair can share one unseen."""
        return self.source == KNOWN


def units_of(
    pairs: np.ndarray,
    is_same: np.ndarray,
    identities: np.ndarray | None = None,
    equal: np.ndarray | None = None,
) -> Units:
    """The units of pairs, as far as identities, same-pairs and equal images tell.

    Args:
        pairs: rows of images, `(num_pairs, 2)`.
        is_same: bool `(num_pairs,)`.
        identities: integers `(num_images,)`, negative where unknown; None if none is known.
        equal: integers `(num_images,)`, the same for images of equal bytes; None if not known.
    """
    images = int(pairs.max(initial=-1)) + 1
    known = np.full(images, -1) if identities is None else identities[:images]
    used = np.zeros(images, dtype=bool)
    used[pairs] = True
    if (known[used] >= 0).all():
        return _numbered(known, pairs, used, "identities")
    is_open = known < 0
    links = [pairs[is_same & is_open[pairs].any(axis=1)], _chained(known, known >= 0)]
    if equal is not None:
        links.append(_chained(equal[:images], is_open))
    roots = _components(images, np.concatenate(links))
    units = roots[pairs]
    if (known[used] >= 0).any():
        return _numbered(roots, pairs, used, "identities and links")
    ends = np.where(is_same[:, None] & (np.arange(2) == 1), -1, units)  # a same-pair counts once
    is_shared = np.unique(ends[ends >= 0], return_counts=True)[1].max(initial=0) > 1
    if not is_shared:
        return independent(len(pairs))
    return _numbered(roots, pairs, used, "links")


def independent(num_pairs: int) -> Units:
    """Units of pairs that share nothing."""
    return Units(np.repeat(np.arange(num_pairs)[:, None], 2, axis=1), num_pairs, "pairs")


def equal_rows(vectors: np.ndarray) -> np.ndarray:
    """Numbers that are the same for rows of equal bytes, `(n, ...) -> (n,)`."""
    rows = np.ascontiguousarray(vectors).reshape(len(vectors), -1)
    blobs = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).reshape(-1)
    return np.unique(blobs, return_inverse=True)[1].reshape(-1)


def _numbered(of_images: np.ndarray, pairs: np.ndarray, used: np.ndarray, source: Source) -> Units:
    numbers = np.empty(len(of_images), dtype=np.int64)
    names, numbers[used] = np.unique(of_images[used], return_inverse=True)
    return Units(numbers[pairs], len(names), source)


def _chained(numbers: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Links of each chosen image to the next one with the same number, `(n, 2)`."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(numbers[rows], kind="stable")]
    follows = numbers[rows][1:] == numbers[rows][:-1]
    return np.column_stack([rows[:-1][follows], rows[1:][follows]])


def _components(count: int, links: np.ndarray) -> np.ndarray:
    """The smallest member of each thing's connected component, `(count,)`."""
    root = np.arange(count)
    while True:
        ends = root[links]
        low, high = ends.min(axis=1), ends.max(axis=1)
        differ = low < high
        if not differ.any():
            return root
        np.minimum.at(root, high[differ], low[differ])
        while not np.array_equal(root, parent := root[root]):
            root = parent
