"""TensorFlow: the devices of one machine, each with a copy of the model and a share of the rows.

Gathered rows, sums over shares and reduced gradients make a step that of one device.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from framl_keras.keras_internals import layers_within, skip_build, update_in_replicas
from framl_keras.ops.row_share import shared_rows
from framl_keras.training.distribution.devices import OneProcess, Predictor
from framl_keras.training.distribution.shared_batch_norm import share_batch_norm


class MirroredDevices(OneProcess):
    """Some of the devices that TensorFlow sees.

    Args:
        count: how many, the first ones.
    """

    def __init__(self, count: int):
        self.count = count
        self._strategy = _strategy(count)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which variables are mirrored and rows shared."""
        with self._strategy.scope(), shared_rows(0, self.count):
            yield

    def share(self, model: keras.Model) -> None:
        """Lets statistics be those of all rows, and gradients be summed before clipping."""
        for layer in layers_within(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                share_batch_norm(layer)
        optimizer = model.optimizer
        optimizer.apply = functools.partial(_apply, optimizer.apply)
        update_in_replicas(optimizer)
        skip_build(model)

    def predictor(self, model: keras.Model) -> Predictor:
        """The model on one device: `predict` would give every device the whole batch."""
        return _OneOfThem(model)


class _OneOfThem:
    """Calls a mirrored model outside of its replicas."""

    def __init__(self, model: keras.Model):
        self._call = tf.function(functools.partial(model, training=False))

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The outputs for all rows."""
        outputs: np.ndarray = self._call(tf.constant(pixels)).numpy()
        return outputs


@functools.lru_cache
def _strategy(count: int) -> tf.distribute.Strategy:
    """One for all trainings of a process: a second one's messages would meet the first one's."""
    return tf.distribute.MirroredStrategy([device.name for device in _devices()[:count]])


def _apply(apply: Callable[..., Any], gradients: Sequence[Any], *arguments: Any) -> None:
    """An optimizer's step with the sum of all replicas' gradients, of losses that are shares."""
    context = tf.distribute.get_replica_context()
    if context is not None and gradients:
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
    apply(gradients, *arguments)


def create(count: int) -> MirroredDevices:
    """The first devices."""
    return MirroredDevices(count)


def available() -> int:
    """How many devices of the best kind there are."""
    return len(_devices())


def _devices() -> list[Any]:
    return tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
