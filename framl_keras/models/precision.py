"""Half precision for a network; head, margin, loss and weights stay in float32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from framl_keras.errors import UserError
from framl_keras.keras_internals import layers_within, weights_were_put

_HALF = ("float16", "bfloat16")
_POLICIES = (*_HALF, *(f"mixed_{name}" for name in _HALF))


@contextmanager
def built_in(precision: str) -> Iterator[None]:
    """Layers that are made within compute in a Keras dtype policy, such as `mixed_bfloat16`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def with_loss_scale(
    optimizer: keras.optimizers.Optimizer, precision: str
) -> keras.optimizers.Optimizer:
    """An optimizer for `mixed_float16`, whose small gradients would vanish unscaled.

    The scale is part of the optimizer's state; where a gradient overflows the
    step is left out and the scale halved.
    """
    if precision != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def half_policy_of(model: keras.Model) -> str | None:
    """The name of the first policy by which a layer computes in half precision, or None."""
    policies = (layer.dtype_policy for layer in layers_within(model))
    return next((each.name for each in policies if each.compute_dtype in _HALF), None)


def in_float32(model: keras.Model) -> keras.Model:
    """A copy of a model that computes in float32, with its weights; itself if it does already.

    Raises:
        UserError: if Keras cannot copy it, as a model of one's own that is not registered.

    Example:
    >>> with built_in("mixed_bfloat16"):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> half_policy_of(model), half_policy_of(in_float32(model))
    ('mixed_bfloat16', None)
    """
    policy = half_policy_of(model)
    if policy is None:
        return model
    try:
        with built_in("float32"):
            config = _without_half(keras.saving.serialize_keras_object(model))
            copy = keras.saving.deserialize_keras_object(config)
            copy.set_weights(model.get_weights())
    except (TypeError, ValueError) as error:
        raise UserError(
            f"The model computes in {policy} and cannot be copied in float32: "
            f"{' '.join(str(error).split())[:200]}. Register layers and models of your own "
            "(keras.saving.register_keras_serializable) with their whole configuration."
        ) from error
    weights_were_put(copy)
    return copy


def _without_half(config: Any) -> Any:
    """A layer's description with float32 wherever it names half precision."""
    if isinstance(config, dict):
        names_policy = config.get("class_name") == "DTypePolicy"
        return {
            key: {"name": "float32"}
            if names_policy and key == "config" and value.get("name") in _POLICIES
            else "float32"
            if key == "dtype" and value in _POLICIES
            else _without_half(value)
            for key, value in config.items()
        }
    return [_without_half(each) for each in config] if isinstance(config, list) else config
