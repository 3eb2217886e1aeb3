"""`cos`: the cosine of the angle between two vectors."""

from typing import Any

import numpy as np

from framl_keras.similarities.similarity import Similarity


class Cosine(Similarity):
    """The cosine, a·b / (|a| |b|), within [-1, 1]; 0 where either vector is zero."""

    name = "cos"

    def formula(self, a: Any, b: Any, ops: Any) -> Any:
        from framl_keras.ops.unit_vectors import unit_vectors

        return ops.sum(unit_vectors(a) * unit_vectors(b), axis=-1)

    def layer(self) -> Any:
        from framl_keras.similarities.layers import CosineSimilarity

        return CosineSimilarity()

    def distances(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        squares = np.vecdot(left, left) * np.vecdot(right, right)
        length = np.sqrt(squares, out=np.ones_like(squares), where=squares > 0)
        return np.clip(1 - np.vecdot(left, right) / length, 0, 2)

    def probes(self, vectors: np.ndarray) -> np.ndarray:
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(length > 0, length, 1)

    gallery = probes

    def score(self, probes: np.ndarray, gallery: np.ndarray) -> np.ndarray:
        return probes @ gallery.T
