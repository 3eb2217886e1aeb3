"""Squared difference."""

from typing import Any

import keras

from framl_keras.layers.similarity.measure import SimilarityMeasure
from framl_keras.ops.similarity import squared_difference

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class Difference(SimilarityMeasure):
    """The squared L2 distance between two vectors: |a - b|².

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`, from 0 up; lower is more alike.

    Example:
    >>> layer = Difference()
    >>> float(layer(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]))[0])
    25.0
    """

    def call(self, a: Tensor, b: Tensor) -> Tensor:
        return squared_difference(a, b)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """The difference itself, which is a distance already.

        Args:
            a: `(..., dim)`.
            b: `(..., dim)`; leading axes broadcast.

        Returns:
            `(...)`, what verification thresholds.
        """
        return self(a, b)
