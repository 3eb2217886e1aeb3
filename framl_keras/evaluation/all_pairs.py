"""Similarity of every probe with every gallery vector, a block at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from framl_keras.evaluation.correlation import peaks_of_all_pairs, spectra_of
from framl_keras.evaluation.embed import l2_normalized
from framl_keras.evaluation.similarities import SSIM_C1, SSIM_C2, check_similarity


class Scorer(NamedTuple):
    """A similarity in two steps; its values are the measure's own, `diff`'s with the sign turned.

    Attributes:
        probes: what can be done with probes alone, `(n, dim)`.
        gallery: what can be done with gallery vectors alone, `(m, dim)`.
        score: from both results to `(n, m)`, higher is more alike.
    """

    probes: Callable[[np.ndarray], Any]
    gallery: Callable[[np.ndarray], Any]
    score: Callable[[Any, Any], np.ndarray]

    def __call__(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        """All scores, `(n, dim), (m, dim) -> (n, m)`."""
        return self.score(self.probes(probes), self.gallery(gallery))


def scorer(similarity: str) -> Scorer:
    """The scorer of a similarity.

    Raises:
        UserError: if the similarity is unknown.
    """
    return _SCORERS[check_similarity(similarity)]


def _product(probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    return probes @ gallery.T


def _with_squares(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return vectors, np.vecdot(vectors, vectors)


def _negated_difference(
    probes: tuple[np.ndarray, np.ndarray], gallery: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    (left, left_squares), (right, right_squares) = probes, gallery
    return 2 * (left @ right.T) - (left_squares[:, None] + right_squares)


def _moments(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors about their means, the means, and the variances."""
    mean = vectors.mean(axis=1)
    return vectors - mean[:, None], mean, vectors.var(axis=1)


def _ssim(probes: tuple[np.ndarray, ...], gallery: tuple[np.ndarray, ...]) -> np.ndarray:
    left, mean_l, var_l = probes[0], probes[1][:, None], probes[2][:, None]
    right, mean_r, var_r = gallery
    covariance = left @ right.T / left.shape[1]
    top = (2 * mean_l * mean_r + SSIM_C1) * (2 * covariance + SSIM_C2)
    return top / ((mean_l**2 + mean_r**2 + SSIM_C1) * (var_l + var_r + SSIM_C2))


def _reversed_spectra(vectors: np.ndarray) -> tuple[np.ndarray, int]:
    return spectra_of(vectors[:, ::-1])


_CORRELATION = Scorer(spectra_of, _reversed_spectra, peaks_of_all_pairs)
_SCORERS = {
    "diff": Scorer(_with_squares, _with_squares, _negated_difference),
    "cos": Scorer(l2_normalized, l2_normalized, _product),
    "corr": _CORRELATION,
    "fft_corr": _CORRELATION,
    "direct_corr": _CORRELATION,
    "ssim": Scorer(_moments, _moments, _ssim),
}
