"""Batch normalization trains with the backend's own kernel instead of Keras' many operations."""

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from framl_keras.keras_internals import layers_within
from framl_keras.training.steps import move, normalize
from framl_keras.training.steps.batch_norm import SMALLEST_EPSILON, Normalized

Tensor = Any


def fuse_batch_norm(model: keras.Model) -> None:
    """Lets a model's batch normalization take its batch statistics with one kernel.

    Keras 3 computes moments and then normalizes, in a dozen operations that each
    pass over the whole feature map; TensorFlow and Torch have a kernel that does it
    at once, forwards and backwards. Values, gradients and moving statistics stay the
    same but for rounding; weights, names, configs and saved files do not change.
    JAX' compiler fuses those operations by itself, so there nothing is done.

    Layers that the kernel does not fit are left alone: other axes than the last,
    other ranks than four, masks, renormalization, statistics over several devices.

    Args:
        model: any built model; models within it are seen to as well.
    """
    if normalize is None:
        return
    for layer in layers_within(model):
        if _fits(layer):
            layer.call = functools.partial(_call, layer, normalize)


def _fits(layer: keras.layers.Layer) -> bool:
    if type(layer) is not keras.layers.BatchNormalization or not layer.built:
        return False
    rank = layer.input_spec.ndim
    return (
        rank == 4
        and layer.axis in (-1, rank - 1)
        and layer.epsilon >= SMALLEST_EPSILON
        and layer.variable_dtype == "float32"
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
    )


def _call(
    layer: keras.layers.BatchNormalization,
    kernel: Callable[..., Normalized],
    inputs: Tensor,
    training: bool | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The layer's own `call`, but for batch statistics, which the kernel takes."""
    double = keras.backend.standardize_dtype(inputs.dtype) == "float64"
    if not (training and layer.trainable) or mask is not None or double:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    channels = (inputs.shape[-1],)
    normalized = kernel(
        ops.cast(inputs, "float32"),  # as Keras does: half precision overflows here
        ops.convert_to_tensor(layer.gamma) if layer.scale else ops.ones(channels),
        ops.convert_to_tensor(layer.beta) if layer.center else ops.zeros(channels),
        layer.epsilon,
    )
    move(layer.moving_mean, normalized.mean, layer.momentum)
    move(layer.moving_variance, normalized.variance, layer.momentum)
    return ops.cast(normalized.outputs, layer.compute_dtype)
