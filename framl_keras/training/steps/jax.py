"""Gradients by JAX on Keras' stateless API."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import keras

from framl_keras.models import prediction_loss
from framl_keras.training.steps.step import Gradients, Tensor


class _Step(NamedTuple):
    """All that one step computes.

    Attributes:
        prediction_loss: see `Gradients`, as are the next three.
        regularization_loss: a scalar.
        gradients: times the loss scale.
        outputs: of the model.
        state: the model's variables that are not trained, after the batch.
        trained: weights, then optimizer variables, after the update.
    """

    prediction_loss: Tensor
    regularization_loss: Tensor
    gradients: list[Tensor]
    outputs: dict[str, Tensor]
    state: list[Tensor]
    trained: list[Tensor]


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = model.trainable_variables, model.non_trainable_variables, model.optimizer.variables
    values = ([variable.value for variable in some] for some in variables)
    step = _step_of(model, model.optimizer, model.jit_compile)(*values, pixels, labels, scale)
    _assign(model.non_trainable_variables, step.state)
    return Gradients(*step[:4], loss_scale=scale, trained=step.trained)


def update(model: keras.Model, result: Gradients) -> None:
    """Takes over what the optimizer made of the gradients in the same step."""
    _assign([*model.trainable_variables, *model.optimizer.variables], result.trained)


@functools.lru_cache(maxsize=1)
def _step_of(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, compiled: bool
) -> Callable[..., _Step]:
    """A step as `fit` takes it, the gradients being given back too.

    It is one program, since JAX' compiler rounds two otherwise: only so `fit` and explicit
    steps end with the same bits. Not compiled, it can be walked through with a debugger.
    """

    def step(
        weights: list[Tensor],
        state: list[Tensor],
        slots: list[Tensor],
        pixels: Tensor,
        labels: Tensor,
        scale: Tensor,
    ) -> _Step:
        def loss(weights: list[Tensor]) -> tuple[Tensor, tuple[Any, ...]]:
            outputs, updated, penalties = model.stateless_call(
                weights, state, [pixels, labels], training=True, return_losses=True
            )
            prediction = prediction_loss(outputs)
            regularization = sum(penalties, keras.ops.zeros(()))
            total = scale * (prediction + regularization)
            return total, (prediction, regularization, outputs, updated)

        (_, extras), weight_gradients = jax.value_and_grad(loss, has_aux=True)(weights)
        prediction, regularization, outputs, updated = extras
        trained = optimizer.stateless_apply(slots, weight_gradients, weights)
        trained = [value for some in trained for value in some]
        return _Step(prediction, regularization, weight_gradients, outputs, updated, trained)

    if not compiled:
        return step
    if keras.distribution.distribution() is None:
        return jax.jit(step)
    # As in `fit`: what a step changes stays where it is.
    state = [variable.value.sharding for variable in model.non_trainable_variables]
    trained = [*model.trainable_variables, *optimizer.variables]
    places = [variable.value.sharding for variable in trained]
    anywhere: Any = None
    return jax.jit(step, out_shardings=_Step(anywhere, anywhere, anywhere, anywhere, state, places))


def _assign(variables: Sequence[keras.Variable], values: Sequence[Tensor]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
