"""Structural similarity."""

from typing import Any

import keras

from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.ops.similarity import structural_similarity

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class StructuralSimilarity(SimilarityMeasure):
    """SSIM over the whole vector, with population variances, C1 = 1e-4 and C2 = 2e-4.

    (2 μa μb + C1) (2 σab + C2) / ((μa² + μb² + C1) (σa² + σb² + C2))

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, within [-1, 1]; higher is more alike.

    Example:
    >>> layer = StructuralSimilarity()
    >>> float(layer(np.array([[3.0, 4.0]]), np.array([[3.0, 4.0]]))[0])
    1.0
    """

    def call(self, a: Tensor, b: Tensor) -> Tensor:
        return structural_similarity(a, b)
