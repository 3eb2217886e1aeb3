"""Where each tensor of a published model goes: a variable of ours and the order of its axes."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from framl_keras.layers.global_depthwise import GlobalDepthwiseConv

TORCH_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "alpha": "weight",
}


class Slot(NamedTuple):
    """A variable to fill.

    Attributes:
        variable: the variable.
        shape: the shape that the published tensor must have.
        convert: from the published tensor to the variable's value.
    """

    variable: Any
    shape: tuple[int, ...]
    convert: Callable[[np.ndarray], np.ndarray]


def weights_of(embedder: keras.Model) -> Iterator[tuple[keras.layers.Layer, Any]]:
    """Each layer of an embedding model, network and head, with each of its weights."""
    for layer in embedder.layers:
        parts = getattr(layer, "layers", None) or getattr(layer, "stages", None) or [layer]
        for part in parts:
            yield from ((part, weight) for weight in part.weights if not _counts(weight))


def _counts(weight: Any) -> bool:
    """Whether a weight is a counter of ours, such as dropout's."""
    return "int" in keras.backend.standardize_dtype(weight.dtype)


def torch_slot(layer: keras.layers.Layer, variable: Any, channels: int) -> Slot:
    """A slot for torch's order of axes.

    Args:
        layer: the layer that owns the variable.
        variable: the variable.
        channels: of the feature map that a Dense sees flattened; torch flattens
            channels first.
    """
    shape = tuple(variable.shape)
    if variable.name != "kernel":
        return Slot(variable, (math.prod(shape),), lambda tensor: tensor.reshape(shape))
    if isinstance(layer, keras.layers.DepthwiseConv2D | GlobalDepthwiseConv):
        height, width, count, _ = shape
        return Slot(variable, (count, 1, height, width), lambda t: t.transpose(2, 3, 0, 1))
    if isinstance(layer, keras.layers.Dense):
        return _dense_slot(variable, channels)
    height, width, inputs, outputs = shape
    return Slot(variable, (outputs, inputs, height, width), lambda t: t.transpose(2, 3, 1, 0))


def _dense_slot(variable: Any, channels: int) -> Slot:
    """A slot for a Dense on a flattened map: channels come first in torch and last here."""
    inputs, outputs = variable.shape

    def convert(tensor: np.ndarray) -> np.ndarray:
        places_last = tensor.reshape(outputs, channels, inputs // channels)
        return places_last.transpose(2, 1, 0).reshape(inputs, outputs)

    return Slot(variable, (outputs, inputs), convert)
