"""What a backend's gradient step gives back."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from framl_keras.keras_internals import count_loss
from framl_keras.models import targets

Tensor = Any


class Gradients(NamedTuple):
    """Loss and gradients of one batch; the model's running state is already updated.

    Attributes:
        prediction_loss: what the model predicts against the labels, a scalar.
        regularization_loss: penalties on weights and embeddings, a scalar.
        gradients: one for each of the model's trainable variables, times `loss_scale`.
        outputs: what the model gave for the batch.
        loss_scale: what the optimizer multiplies the loss with, a scalar.
        trained: weights and optimizer variables after the update, where it is taken at once.
    """

    prediction_loss: Tensor
    regularization_loss: Tensor
    gradients: list[Tensor]
    outputs: dict[str, Tensor]
    loss_scale: Tensor = 1.0
    trained: Sequence[Tensor] = ()


def update(model: keras.Model, result: Gradients) -> None:
    """Lets the optimizer take a step."""
    model.optimizer.apply(result.gradients, model.trainable_variables)


def count(model: keras.Model, pixels: Tensor, labels: Tensor, result: Gradients) -> dict[str, Any]:
    """Adds a step to the metrics and gives their values."""
    loss = result.prediction_loss + result.regularization_loss
    count_loss(model, loss, ops.shape(labels)[0])
    logs: dict[str, Any] = model.compute_metrics(
        [pixels, labels], targets(model, labels), result.outputs
    )
    return logs
