"""`diff`: the squared L2 distance."""

from typing import Any

import numpy as np

from framl_keras.similarities.similarity import Similarity


class SquaredDifference(Similarity):
    """The squared L2 distance, |a - b|²; lower is more alike."""

    name = "diff"
    lower_is_alike = True

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        return ops.sum(ops.square(a - b), axis=-1)

    def layer(self) -> Any:
        from framl_keras.similarities.layers import Difference

        return Difference()

    def probes(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return vectors, np.vecdot(vectors, vectors)

    gallery = probes

    def score(self, probes: Any, gallery: Any) -> np.ndarray:
        (left, left_squares), (right, right_squares) = probes, gallery
        return 2 * (left @ right.T) - (left_squares[:, None] + right_squares)
