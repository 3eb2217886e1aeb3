"""Batch normalization over groups of rows, so that devices with whole groups need not be asked."""

import functools
from typing import Any

import keras
from keras import ops

from framl_keras.errors import UserError
from framl_keras.keras_internals import layers_within
from framl_keras.ops.backend import shares_of_rows, sum_of_shares
from framl_keras.ops.precision import at_least_float32
from framl_keras.training.steps import move, normalize
from framl_keras.training.steps.batch_norm import SMALLEST_EPSILON, Normalized

Tensor = Any


def group_batch_norm(model: keras.Model, rows: int) -> None:
    """Lets a model's batch normalization take its statistics over groups of rows, as they follow.

    Moving statistics are those of the groups on average. An answer does not depend on the number
    of devices, as long as each has whole groups: insightface's statistics are those of a GPU's
    rows, and a run on another number of GPUs is another experiment.

    Args:
        model: any built model; models within it are seen to as well.
        rows: of a group; a batch has a multiple of them.

    Raises:
        UserError: if a layer normalizes another axis than the last.
    """
    for layer in layers_within(model):
        if isinstance(layer, keras.layers.BatchNormalization):
            rank = layer.input_spec.ndim
            if layer.axis not in (-1, rank - 1):
                raise UserError(
                    f"train.batch_norm_rows: {layer.path} has its channels on axis {layer.axis}. "
                    "Expected them on the last; leave the key out."
                )
            layer.call = functools.partial(_call, layer, rows)
            layer.rows_of_statistics = rows


def _call(
    layer: keras.layers.BatchNormalization,
    rows: int,
    inputs: Tensor,
    training: bool | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The layer's own `call`, but for batch statistics."""
    count = inputs.shape[0]
    if not (training and layer.trainable) or (count or rows) % rows:  # one row builds the model
        return type(layer).call(layer, inputs, training=training, mask=mask)
    (x,) = at_least_float32(inputs)
    normalized = _by_kernel(layer, x, rows) if _fits(layer, x) else _by_operations(layer, x, rows)
    _move(layer.moving_mean, normalized.mean, layer.momentum)
    _move(layer.moving_variance, normalized.variance, layer.momentum)
    return ops.cast(normalized.outputs, layer.compute_dtype)


def _fits(layer: keras.layers.BatchNormalization, x: Tensor) -> bool:
    """Whether the backend's kernel can do it, group by group."""
    known = x.ndim == 4 and x.shape[0] is not None
    is_single = keras.backend.standardize_dtype(x.dtype) == "float32"
    return bool(normalize and known and is_single and layer.epsilon >= SMALLEST_EPSILON)


def _by_kernel(layer: keras.layers.BatchNormalization, x: Tensor, rows: int) -> Normalized:
    assert normalize is not None
    scale, offset = _scale_and_offset(layer, x)
    groups = range(0, x.shape[0], rows)
    normalized = [
        normalize(x[first : first + rows], scale, offset, layer.epsilon) for first in groups
    ]
    means, variances = (
        ops.mean(ops.stack([getattr(each, name) for each in normalized]), axis=0)
        for name in ("mean", "variance")
    )
    return Normalized(ops.concatenate([each.outputs for each in normalized]), means, variances)


def _by_operations(layer: keras.layers.BatchNormalization, x: Tensor, rows: int) -> Normalized:
    channels = x.shape[-1]
    grouped = ops.reshape(x, (-1, rows, *x.shape[1:]))
    axes = list(range(1, grouped.ndim - 1))
    mean = ops.mean(grouped, axes, keepdims=True)
    variance = ops.mean(ops.square(grouped - mean), axes, keepdims=True)
    scale, offset = _scale_and_offset(layer, x)
    outputs = (grouped - mean) * ops.rsqrt(variance + layer.epsilon) * scale + offset
    by_group = (ops.reshape(each, (-1, channels)) for each in (mean, variance))
    return Normalized(
        ops.reshape(outputs, (-1, *x.shape[1:])), *(ops.mean(each, axis=0) for each in by_group)
    )


def _scale_and_offset(layer: keras.layers.BatchNormalization, x: Tensor) -> tuple[Tensor, Tensor]:
    channels = (x.shape[-1],)
    scale = layer.gamma if layer.scale else ops.ones(channels, x.dtype)
    offset = layer.beta if layer.center else ops.zeros(channels, x.dtype)
    return ops.cast(scale, x.dtype), ops.cast(offset, x.dtype)


def _move(average: keras.Variable, value: Tensor, momentum: float) -> None:
    """Moves an average towards the mean of all devices' groups: a number a channel is sent."""
    move(average, sum_of_shares(ops.stop_gradient(value)) / shares_of_rows(), momentum)
