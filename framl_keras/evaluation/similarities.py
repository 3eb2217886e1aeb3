"""The six similarities over many pairs, in NumPy, block by block.

They are the layers' measures without Keras: what verification needs, on vectors
that may come from any model.
"""

import difflib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from framl_keras.errors import UserError
from framl_keras.evaluation.correlation import direct_peak, fourier_peak
from framl_keras.evaluation.rows import Rows

SSIM_C1, SSIM_C2 = 1e-4, 2e-4
BLOCK = 256  # pairs that a thread takes at a time; twice as many leave the cache
UNIT_TOLERANCE = 1e-6
DECIMALS = 12  # rounding leaves as many
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
        similarity: one of `SIMILARITIES`.
        dtype: precision of the arithmetic and the result.

    Returns:
        `(num_pairs,)`.

    Raises:
        UserError: if the similarity is unknown.
    """
    measure = _MEASURES[check_similarity(similarity)]
    result = np.empty(len(pairs), dtype=dtype)

    def fill(first: int) -> None:
        rows = pairs[first : first + BLOCK]
        sides: list[Any] = [Rows(embeddings, rows[:, side], dtype) for side in (0, 1)]
        if measure is not fourier_distance:  # which reads its rows piece by piece, in cache
            sides = [np.asarray(side) for side in sides]
        result[first : first + BLOCK] = measure(*sides)

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(fill, range(0, len(pairs), BLOCK)):
            pass  # what a thread raised is raised here
    return result


def comparable_distances(embeddings: np.ndarray, pairs: np.ndarray, similarity: str) -> np.ndarray:
    """`distances` in float64, for protocols that compare them with each other.

    What differs by rounding only, as a pair and the same pair swapped may, is
    equal here. On unit vectors `diff` is `2 * (1 - cos)`: computed so, the two
    order all pairs alike, ties included.
    """
    if similarity == "diff" and _are_unit(embeddings):
        return 2 * comparable_distances(embeddings, pairs, "cos")
    return np.round(distances(embeddings, pairs, similarity), DECIMALS)


def _are_unit(embeddings: np.ndarray) -> bool:
    """Whether all vectors have length one, up to float32's rounding."""
    blocks = (embeddings[i : i + BLOCK] for i in range(0, len(embeddings), BLOCK))
    squares = (np.vecdot(block, block, dtype=np.float64) for block in blocks)
    return all(np.abs(block - 1).max() <= UNIT_TOLERANCE for block in squares)


def check_similarity(name: str) -> str:
    """The name itself, if there is such a similarity.

    Raises:
        UserError: if not; it lists them and suggests a near one.
    """
    if name in _MEASURES:
        return name
    near = difflib.get_close_matches(name, _MEASURES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UserError(
        f"Unknown similarity {name!r}. Expected one of {', '.join(SIMILARITIES)}.{hint}"
    )


def value_of(distance: np.ndarray, similarity: str) -> np.ndarray:
    """The measure's natural value for a distance: `diff` itself, `1 - distance` for the others."""
    return distance if similarity == "diff" else 1 - distance


def difference(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Squared L2 distance, `(n, dim), (n, dim) -> (n,)`."""
    return np.sum(np.square(left - right), axis=1)


def cosine_distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One minus the cosine, within [0, 2]; 1 where a vector is zero."""
    squares = np.vecdot(left, left) * np.vecdot(right, right)
    length = np.sqrt(squares, out=np.ones_like(squares), where=squares > 0)
    return np.clip(1 - np.vecdot(left, right) / length, 0, 2)


def ssim_distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One minus the structural similarity over the whole vector."""
    mean_l, mean_r = left.mean(axis=1), right.mean(axis=1)
    left, right = left - mean_l[:, None], right - mean_r[:, None]
    # FRAML squares the deviations that it took roots of; so do we, to the last bit
    var_l = np.square(np.sqrt(np.square(left).mean(axis=1)))
    var_r = np.square(np.sqrt(np.square(right).mean(axis=1)))
    covariance = (left * right).mean(axis=1)
    luminance = (2 * mean_l * mean_r + SSIM_C1) * (2 * covariance + SSIM_C2)
    return 1 - luminance / ((mean_l**2 + mean_r**2 + SSIM_C1) * (var_l + var_r + SSIM_C2))


def fourier_distance(left: np.ndarray | Rows, right: np.ndarray | Rows) -> np.ndarray:
    """One minus the peak of the cross-correlation, by Fourier transforms."""
    return 1 - fourier_peak(left, right)


def direct_distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """One minus the peak of the cross-correlation, summed directly."""
    return 1 - direct_peak(left, right)


_MEASURES: dict[str, Callable[[Any, Any], np.ndarray]] = {
    "diff": difference,
    "cos": cosine_distance,
    "corr": direct_distance,
    "fft_corr": fourier_distance,
    "direct_corr": direct_distance,
    "ssim": ssim_distance,
}
SIMILARITIES = tuple(_MEASURES)
