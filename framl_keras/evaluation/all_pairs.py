"""Similarity of every probe with every gallery vector, a block at a time."""

from collections.abc import Callable

import numpy as np

from framl_keras.evaluation.correlation import peaks_of_all_pairs
from framl_keras.evaluation.embed import l2_normalized
from framl_keras.evaluation.similarities import SSIM_C1, SSIM_C2, check_similarity

Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]


def scorer(similarity: str) -> Scorer:
    """A function `(n, dim), (m, dim) -> (n, m)`, higher is more alike, by matrix product.

    Its values are the similarity's own; `diff` has its sign turned.

    Raises:
        UserError: if the similarity is unknown.
    """
    return _SCORERS[check_similarity(similarity)]


def _cosine(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return l2_normalized(left) @ l2_normalized(right).T


def _negated_difference(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    squares = np.vecdot(left, left)[:, None] + np.vecdot(right, right)
    return 2 * (left @ right.T) - squares


def _ssim(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    mean_l, mean_r = left.mean(axis=1, keepdims=True), right.mean(axis=1)
    var_l, var_r = left.var(axis=1, keepdims=True), right.var(axis=1)
    covariance = (left - mean_l) @ (right - mean_r[:, None]).T / left.shape[1]
    top = (2 * mean_l * mean_r + SSIM_C1) * (2 * covariance + SSIM_C2)
    return top / ((mean_l**2 + mean_r**2 + SSIM_C1) * (var_l + var_r + SSIM_C2))


_SCORERS: dict[str, Scorer] = {
    "diff": _negated_difference,
    "cos": _cosine,
    "corr": peaks_of_all_pairs,
    "fft_corr": peaks_of_all_pairs,
    "direct_corr": peaks_of_all_pairs,
    "ssim": _ssim,
}
