"""Triplet loss with mining inside the batch."""

from typing import Any, Literal

import keras
from keras import ops

from framl_keras.losses.same_class import same_and_other
from framl_keras.ops.arguments import one_of, real
from framl_keras.ops.backend import right_transposed
from framl_keras.ops.precision import at_least_float32
from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any
Mining = Literal["semi_hard", "hard"]

FAR = 1e9  # beyond every squared distance of unit vectors


@keras.saving.register_keras_serializable("framl_keras")
class Triplet(keras.losses.Loss):
    """max(0, |a - p|² - |a - n|² + m) on embeddings of length 1.

    a is each row, as anchor, p a row of its class and n one of another.

    Args:
        margin: m, not negative.
        mining: `semi_hard` takes every pair of a class and the nearest negative that is
            farther than the positive, or else the farthest one (FaceNet); `hard` takes
            each row's farthest positive and nearest negative.

    Call arguments:
        y_true: integer labels `(batch,)`; rows with -1 take no part.
        y_pred: embeddings `(batch, dim)`; they are normalized here.

    Returns:
        The mean over all triplets, a scalar; 0 where there is none.

    Raises:
        ValueError: if an argument is out of range.

    Example:
    >>> embedder = keras.Sequential([keras.layers.Dense(8)])
    >>> embedder.compile("adam", framl_keras.losses.Triplet(margin=0.2))

    Reference:
        Schroff et al., "FaceNet", CVPR 2015, https://arxiv.org/abs/1503.03832
        Hermans et al., "In Defense of the Triplet Loss", https://arxiv.org/abs/1703.07737
    """

    def __init__(self, margin: float = 0.2, mining: Mining = "semi_hard", name: str = "triplet"):
        super().__init__(name=name, reduction=None)
        self.margin = real("margin", margin, 0.0, expected="a number that is not negative")
        self.mining = one_of("mining", mining, ("semi_hard", "hard"))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        (embeddings,) = at_least_float32(y_pred)
        same, other = same_and_other(y_true)
        distances = squared_distances(unit_vectors(embeddings))
        mine = _semi_hard if self.mining == "semi_hard" else _hard
        positive, negative, counts = mine(distances, same, other)
        losses = ops.maximum(positive - negative + self.margin, 0.0)
        counts = ops.cast(counts, losses.dtype)
        return ops.sum(losses * counts) / ops.maximum(ops.sum(counts), 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin, "mining": self.mining, "name": self.name}


def squared_distances(units: Tensor) -> Tensor:
    """|a - b|² of all pairs of unit vectors `(batch, dim)`, `(batch, batch)`."""
    return 2.0 - 2.0 * right_transposed(units, units)


def _semi_hard(distances: Tensor, same: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each pair of a class: its distance, its negative's, and whether there is one.

    All are `(batch, batch)`; a third axis of negatives is needed to choose.
    """
    positive = distances[:, :, None]
    negatives = ops.broadcast_to(distances[:, None, :], _cube(distances))
    farther = ops.logical_and(other[:, None, :], negatives > positive)
    nearest = ops.min(ops.where(farther, negatives, FAR), axis=2)
    farthest = ops.max(ops.where(other, distances, -FAR), axis=1)[:, None]
    negative = ops.where(nearest < FAR, nearest, farthest)
    has_negative = ops.any(other, axis=1)[:, None]
    return distances, negative, ops.logical_and(same, has_negative)


def _cube(distances: Tensor) -> tuple[Any, ...]:
    batch = ops.shape(distances)[0]
    return (batch, batch, batch)


def _hard(distances: Tensor, same: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each row's farthest positive and nearest negative, `(batch,)`, and whether it has both."""
    positive = ops.max(ops.where(same, distances, -FAR), axis=1)
    negative = ops.min(ops.where(other, distances, FAR), axis=1)
    counts = ops.logical_and(ops.any(same, axis=1), ops.any(other, axis=1))
    return ops.where(counts, positive, 0.0), ops.where(counts, negative, 0.0), counts
