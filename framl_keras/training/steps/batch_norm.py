"""Batch normalization in one kernel, where the backend has one that Keras leaves unused."""

from typing import Any, NamedTuple

import keras
from keras import ops

from framl_keras.training.steps.step import Tensor

SMALLEST_EPSILON = 1e-5  # some of cuDNN's kernels refuse less


class Normalized(NamedTuple):
    """A batch's feature map and statistics over all axes but the last.

    Attributes:
        outputs: normalized, scaled and shifted.
        mean: of each channel.
        variance: the mean squared deviation of each channel.
    """

    outputs: Tensor
    mean: Tensor
    variance: Tensor


def biased(variance: Tensor, count: Tensor) -> Tensor:
    """The mean squared deviation, which Keras keeps, from the unbiased estimate."""
    return variance * ((count - 1) / count)


def rows_of_statistics(layer: Any) -> int | None:
    """The rows of a layer's groups; None where statistics are those of the whole batch."""
    return getattr(layer, "rows_of_statistics", None)


def move(average: keras.Variable, value: Tensor, momentum: float) -> None:
    """Moves a moving average towards a batch's value."""
    value = ops.cast(ops.stop_gradient(value), average.dtype)
    average.assign(average * momentum + value * (1.0 - momentum))
