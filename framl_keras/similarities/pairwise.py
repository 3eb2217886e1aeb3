"""A similarity over many pairs, in NumPy, block by block.

It is what verification needs, on vectors that may come from any model.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from framl_keras.similarities.registry import get
from framl_keras.similarities.rows import Rows

BLOCK = 256  # pairs that a thread takes at a time; twice as many leave the cache
UNIT_TOLERANCE = 1e-6
DECIMALS = 12  # rounding leaves as many of unit vectors
DIGITS = 15  # of any
THREADS = min(8, os.cpu_count() or 1)


def distances(
    embeddings: np.ndarray,
    pairs: np.ndarray,
    similarity: str,
    dtype: npt.DTypeLike = np.float64,
) -> np.ndarray:
    """The distance of each pair under a similarity; lower is more alike.

    `diff` is the squared L2 distance, the others are `1 - value`.

    Args:
        embeddings: `(num_images, dim)`.
        pairs: integers `(num_pairs, 2)`, rows of `embeddings`.
        similarity: its name.
        dtype: precision of the arithmetic and the result.

    Returns:
        `(num_pairs,)`.

    Raises:
        UserError: if the similarity is unknown.

    Example:
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> distances(vectors, np.array([[0, 1], [0, 2]]), "cos").tolist()
    [1.0, 0.0]
    """
    measure = get(similarity)
    result = np.empty(len(pairs), dtype=dtype)

    def fill(first: int) -> None:
        rows = pairs[first : first + BLOCK]
        sides: list[Any] = [Rows(embeddings, rows[:, side], dtype) for side in (0, 1)]
        if not measure.reads_parts:
            sides = [np.asarray(side) for side in sides]
        result[first : first + BLOCK] = measure.distances(*sides)

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(fill, range(0, len(pairs), BLOCK)):
            pass  # what a thread raised is raised here
    return result


def comparable_distances(embeddings: np.ndarray, pairs: np.ndarray, similarity: str) -> np.ndarray:
    """`distances` in float64, for protocols that compare them with each other.

    What differs by rounding only, as a pair and the same pair swapped may, is
    equal here. On unit vectors `diff` is `2 * (1 - cos)`: computed so, the two
    order all pairs alike, ties included.

    Example:
    >>> vectors = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> comparable_distances(vectors, np.array([[0, 1]]), "diff").tolist()
    [2.0]
    """
    if similarity == "diff" and _are_unit(embeddings):
        return 2 * comparable_distances(embeddings, pairs, "cos")
    values = distances(embeddings, pairs, similarity)
    return np.round(values, DECIMALS if _are_unit(embeddings) else _decimals(values))


def _decimals(values: np.ndarray) -> int:
    """As many as leave the values apart, whatever the vectors' lengths, but not their rounding."""
    spread, largest = np.ptp(values) if len(values) else 0.0, np.abs(values).max(initial=0.0)
    if not spread:
        return DECIMALS
    return min(
        DECIMALS - math.floor(math.log10(spread)), DIGITS - 1 - math.floor(math.log10(largest))
    )


def _are_unit(embeddings: np.ndarray) -> bool:
    """Whether all vectors have length one, up to float32's rounding."""
    blocks = (embeddings[i : i + BLOCK] for i in range(0, len(embeddings), BLOCK))
    squares = (np.vecdot(block, block, dtype=np.float64) for block in blocks)
    return all(np.abs(block - 1).max() <= UNIT_TOLERANCE for block in squares)
