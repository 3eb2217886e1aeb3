"""Batch normalization by the statistics of all shares of a batch."""

import functools
from typing import Any

import keras
from keras import ops

from framl_keras.errors import UserError
from framl_keras.ops.backend import shares_of_rows, sum_of_shares
from framl_keras.ops.precision import at_least_float32
from framl_keras.training.steps import move
from framl_keras.training.steps.batch_norm import rows_of_statistics

Tensor = Any


def share_batch_norm(layer: keras.layers.BatchNormalization) -> None:
    """Lets a layer take its batch statistics over the rows of all shares.

    Values, gradients and moving statistics are those of one device with all rows. A layer with
    statistics of groups of rows stays as it is: shares have whole groups.

    Raises:
        UserError: if it normalizes another axis than the last.
    """
    if rows_of_statistics(layer) is not None:
        return
    rank = layer.input_spec.ndim
    if layer.axis not in (-1, rank - 1):
        raise UserError(
            f"{layer.path}: batch normalization over several devices needs the channels on "
            f"the last axis. Received: axis={layer.axis}"
        )
    layer.call = functools.partial(_call, layer)


def _call(
    layer: keras.layers.BatchNormalization,
    inputs: Tensor,
    training: bool | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The layer's own `call`, but for batch statistics."""
    shares = shares_of_rows()
    if not (training and layer.trainable) or shares == 1:
        return type(layer).call(layer, inputs, training=training, mask=mask)
    (x,) = at_least_float32(inputs)
    axes = list(range(x.ndim - 1))
    count = ops.cast(shares * ops.size(x) // x.shape[-1], x.dtype)
    mean = sum_of_shares(ops.sum(x, axes)) / count
    variance = sum_of_shares(ops.sum(ops.square(x - mean), axes)) / count
    move(layer.moving_mean, mean, layer.momentum)
    move(layer.moving_variance, variance, layer.momentum)
    outputs = ops.batch_normalization(
        x,
        mean,
        variance,
        axis=-1,
        offset=ops.cast(layer.beta, x.dtype) if layer.center else None,
        scale=ops.cast(layer.gamma, x.dtype) if layer.scale else None,
        epsilon=layer.epsilon,
    )
    return ops.cast(outputs, layer.compute_dtype)
