"""Batch normalization in one kernel, where the backend has one that Keras leaves unused."""

from typing import NamedTuple

from framl_keras.training.steps.step import Tensor


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
