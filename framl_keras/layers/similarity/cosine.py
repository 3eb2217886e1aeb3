"""Cosine similarity."""

from typing import Any

import keras

from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.ops.similarity import cosine_similarity

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class CosineSimilarity(SimilarityMeasure):
    """The cosine of the angle between two vectors: a·b / (|a| |b|).

    It is 0, with gradient 0, where either vector is zero.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, within [-1, 1]; higher is more alike.

    Example:
    >>> layer = CosineSimilarity()
    >>> float(layer(np.array([[3.0, 4.0]]), np.array([[6.0, 8.0]]))[0])
    1.0
    """

    def call(self, a: Tensor, b: Tensor) -> Tensor:
        return cosine_similarity(a, b)
