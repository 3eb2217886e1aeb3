"""`ssim`: structural similarity over the whole vector."""

from typing import Any

import numpy as np

from framl_keras.similarities.similarity import Similarity

# FRAML's constants: they keep the value finite for constant vectors.
C1 = 1e-4
C2 = 2e-4


class Structural(Similarity):
    """SSIM over the whole vector, with population variances, within [-1, 1].

    (2 μa μb + C1) (2 σab + C2) / ((μa² + μb² + C1) (σa² + σb² + C2))

    Reference:
        Wang et al., "Image quality assessment: from error visibility to structural
        similarity", IEEE TIP 2004.
    """

    name = "ssim"

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        mean_a, mean_b = ops.mean(a, axis=-1), ops.mean(b, axis=-1)
        a, b = a - mean_a[..., None], b - mean_b[..., None]
        variances = ops.mean(ops.square(a), axis=-1), ops.mean(ops.square(b), axis=-1)
        return _ssim(mean_a, mean_b, *variances, ops.mean(a * b, axis=-1))

    def layer(self) -> Any:
        from framl_keras.similarities.layers import StructuralSimilarity

        return StructuralSimilarity()

    def distances(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        mean_l, mean_r = left.mean(axis=1), right.mean(axis=1)
        left, right = left - mean_l[:, None], right - mean_r[:, None]
        # FRAML squares the deviations that it took roots of; so do we, to the last bit
        var_l = np.square(np.sqrt(np.square(left).mean(axis=1)))
        var_r = np.square(np.sqrt(np.square(right).mean(axis=1)))
        return 1 - _ssim(mean_l, mean_r, var_l, var_r, (left * right).mean(axis=1))

    def probes(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean = vectors.mean(axis=1)
        return vectors - mean[:, None], mean, vectors.var(axis=1)

    gallery = probes

    def score(self, probes: Any, gallery: Any) -> np.ndarray:
        (left, mean_l, var_l), (right, mean_r, var_r) = probes, gallery
        covariance = left @ right.T / left.shape[1]
        return _ssim(mean_l[:, None], mean_r, var_l[:, None], var_r, covariance)


def _ssim(mean_a: Any, mean_b: Any, var_a: Any, var_b: Any, covariance: Any) -> Any:
    """The formula, of any tensors or arrays that broadcast."""
    top = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    return top / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
