"""What a backend's gradient step gives back."""

from typing import Any, NamedTuple

Tensor = Any


class Gradients(NamedTuple):
    """Loss and gradients of one batch; the model's running state is already updated.

    Attributes:
        prediction_loss: cross-entropy of the logits, a scalar.
        regularization_loss: penalties on weights, a scalar.
        gradients: one for each of the model's trainable variables.
        outputs: what the model gave for the batch.
    """

    prediction_loss: Tensor
    regularization_loss: Tensor
    gradients: list[Tensor]
    outputs: dict[str, Tensor]
