"""Gradients by JAX on Keras' stateless API."""

import jax
import keras

from framl_keras.models import prediction_loss
from framl_keras.training.steps.step import Gradients, Tensor


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    trainable = [variable.value for variable in model.trainable_variables]
    state = [variable.value for variable in model.non_trainable_variables]

    def loss(trainable: list[Tensor]) -> tuple[Tensor, tuple]:
        outputs, updated, penalties = model.stateless_call(
            trainable, state, [pixels, labels], training=True, return_losses=True
        )
        prediction = prediction_loss(outputs, labels)
        regularization = sum(penalties, keras.ops.zeros(()))
        total = scale * (prediction + regularization)
        return total, (prediction, regularization, updated, outputs)

    (_, extras), found = jax.value_and_grad(loss, has_aux=True)(trainable)
    prediction, regularization, updated, outputs = extras
    for variable, value in zip(model.non_trainable_variables, updated, strict=True):
        variable.assign(value)
    return Gradients(prediction, regularization, list(found), outputs, scale)


def update(model: keras.Model, found: Gradients) -> None:
    """Lets the optimizer take a step; one with a loss scale has no other way here than this."""
    weights, states = model.trainable_variables, model.optimizer.variables
    updated, new_states = model.optimizer.stateless_apply(
        [variable.value for variable in states],
        found.gradients,
        [variable.value for variable in weights],
    )
    for variable, value in zip([*weights, *states], [*updated, *new_states], strict=True):
        variable.assign(value)
