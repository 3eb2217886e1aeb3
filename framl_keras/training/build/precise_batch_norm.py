"""Precise batch norm: moving statistics taken anew, from images as verification sees them."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras

from framl_keras.keras_internals import layers_within
from framl_keras.training.checkpoints.state import numbers_of
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
        for layer in layers_within(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    try:
        for seen, inputs in enumerate(batches):
            for layer in layers:
                layer.momentum = seen / (seen + 1)  # so that the average is a plain one
            with no_gradient():
                model(keras.ops.cast(inputs, "float32"), training=True)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


@contextlib.contextmanager
def averaged(model: keras.Model, batches: Callable[[], Iterable[Any]]) -> Iterator[None]:
    """The model, within the block, with averaged statistics; see `average_batch_norm`.

    All that the passes change comes back after it, dropout's counters included, so that a
    training goes on as if nothing had happened.

    Args:
        model: any built model.
        batches: gives its inputs anew each time.
    """
    before = [(variable, numbers_of(variable)) for variable in _states_of(model)]
    try:
        average_batch_norm(model, batches())
        yield
    finally:
        for variable, value in before:
            variable.assign(value)


def _states_of(model: keras.Model) -> list[keras.Variable]:
    """The variables that calling a model may change: all that no optimizer does."""
    trained = {id(variable) for variable in model.trainable_variables}
    return [variable for variable in model.variables if id(variable) not in trained]


def first(count: int, batches: Iterable[tuple[Any, Any]]) -> Iterable[Any]:
    """The pixels of the first batches of a stream of (pixels, label)."""
    return (pixels for pixels, _ in itertools.islice(batches, count))
