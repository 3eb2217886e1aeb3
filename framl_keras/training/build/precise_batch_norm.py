"""Precise batch norm: moving statistics taken anew, from images as verification sees them."""

import itertools
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from framl_keras.training.steps import no_gradient


def average_batch_norm(model: keras.Model, batches: Iterable[Any]) -> None:
    """Replaces the moving statistics of batch normalization by their average over batches.

    While a model trains, its moving averages follow weights that are still changing
    and images that are augmented; verification sees neither. The weights stay as
    they are, and so does a layer that is frozen.

    Args:
        model: any built model.
        batches: its inputs, `(batch, …)` each; with none, nothing changes.

    Reference:
        Wu & Johnson, "Rethinking 'Batch' in BatchNorm", 2021, section 3.
    """
    layers = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    try:
        for seen, inputs in enumerate(batches):
            for layer in layers:
                layer.momentum = seen / (seen + 1)  # so that the average is a plain one
            with no_gradient():
                model(np.asarray(inputs, "float32"), training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def first(count: int, batches: Iterable[tuple[Any, Any]]) -> Iterable[Any]:
    """The pixels of the first batches of a stream of (pixels, label)."""
    return (pixels for pixels, _ in itertools.islice(batches, count))
