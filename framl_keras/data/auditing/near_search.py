"""Finds fingerprints that differ in a few bits without comparing all with all.

Two that differ in at most 15 of 256 bits agree in one of sixteen bands of 16
bits at least, so only those that share a band are compared, and none is missed.
"""

import numpy as np

from framl_keras.data.auditing.perceptual_hash import distances

BANDS = 16
MOST_BITS = BANDS - 1


class NearSearch:
    """Looks up which of a fixed set of fingerprints are near others.

    Args:
        hashes: the set, uint64 `(n, 4)`.
    """

    def __init__(self, hashes: np.ndarray):
        self._hashes = hashes
        bands = _bands(hashes)
        self._order = np.argsort(bands, axis=0, kind="stable")
        self._sorted = np.take_along_axis(bands, self._order, axis=0)

    def near(self, queries: np.ndarray, most_bits: int = MOST_BITS) -> np.ndarray:
        """The pairs that differ in at most `most_bits` bits.

        Args:
            queries: uint64 `(m, 4)`.
            most_bits: at most `MOST_BITS`.

        Returns:
            int64 `(pairs, 3)`: row of `queries`, row of the set, bits that differ.
        """
        bands = _bands(queries)
        found = [self._sharing(band, bands[:, band]) for band in range(BANDS)]
        pairs = np.unique(np.concatenate(found), axis=0)
        bits = distances(queries[pairs[:, 0]], self._hashes[pairs[:, 1]])
        near = bits <= most_bits
        return np.column_stack([pairs[near], bits[near]])

    def _sharing(self, band: int, values: np.ndarray) -> np.ndarray:
        """The pairs whose fingerprints agree in a band, `(pairs, 2)`."""
        ordered = self._sorted[:, band]
        starts = np.searchsorted(ordered, values, side="left")
        counts = np.searchsorted(ordered, values, side="right") - starts
        query = np.repeat(np.arange(len(values)), counts)
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self._order[np.repeat(starts, counts) + step, band]
        return np.column_stack([query, rows])


def _bands(hashes: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(hashes).view(np.uint16).reshape(-1, BANDS)
