"""Supervised contrastive loss."""

from typing import Any

import keras
from keras import ops

from framl_keras.losses.same_class import same_and_other
from framl_keras.ops.arguments import positive
from framl_keras.ops.backend import right_transposed
from framl_keras.ops.precision import at_least_float32
from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any

NEVER = -1e9  # a logit whose exponential is 0


@keras.saving.register_keras_serializable("framl_keras")
class SupervisedContrastive(keras.losses.Loss):
    """-1/|P(i)| · sum over p in P(i) of log(exp(zi·zp/τ) / sum over a ≠ i of exp(zi·za/τ)).

    z are embeddings of length 1 and P(i) the other rows of row i's class: the paper's
    L_out, averaged over the rows that have a positive.

    Args:
        temperature: τ, positive.

    Call arguments:
        y_true: integer labels `(batch,)`; rows with -1 take no part.
        y_pred: embeddings `(batch, dim)`; they are normalized here.

    Returns:
        A scalar; 0 where no row has a positive.

    Raises:
        ValueError: if the temperature is not positive.

    Example:
    >>> embedder = keras.Sequential([keras.layers.Dense(8)])
    >>> embedder.compile("adam", framl_keras.losses.SupervisedContrastive())

    Reference:
        Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020,
        https://arxiv.org/abs/2004.11362
    """

    def __init__(self, temperature: float = 0.1, name: str = "supervised_contrastive"):
        super().__init__(name=name, reduction=None)
        self.temperature = positive("temperature", temperature)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        (embeddings,) = at_least_float32(y_pred)
        same, other = same_and_other(y_true)
        units = unit_vectors(embeddings)
        logits = right_transposed(units, units) / self.temperature
        everyone = ops.where(ops.logical_or(same, other), logits, NEVER)
        likelihoods = logits - ops.logsumexp(everyone, axis=1, keepdims=True)
        positives = ops.cast(same, logits.dtype)
        counts = ops.sum(positives, axis=1)
        # Masked before the product: a row with no partner has a huge likelihood.
        sums = ops.sum(ops.where(same, likelihoods, 0.0), axis=1)
        losses = -sums / ops.maximum(counts, 1.0)
        return ops.sum(losses) / ops.maximum(ops.sum(ops.cast(counts > 0, logits.dtype)), 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "name": self.name}
