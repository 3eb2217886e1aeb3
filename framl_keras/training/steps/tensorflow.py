"""TensorFlow: gradients by the tape, graphs that keep their order, data, and batch norms."""

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from framl_keras.models import prediction_loss
from framl_keras.training.steps.batch_norm import Normalized, biased
from framl_keras.training.steps.step import Gradients, Tensor

AHEAD = 2  # batches that are handed over while a step runs; they are made further ahead
# They reorder sums and products, which then round otherwise than single operations do.
_REORDERING = ("arithmetic_optimization", "constant_folding")


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = model([pixels, labels], training=True)
        prediction = prediction_loss(outputs)
        regularization = keras.ops.sum(keras.ops.stack([*model.losses, 0.0]))
        total = scale * (prediction + regularization)
    found = tape.gradient(total, variables)
    return Gradients(prediction, regularization, found, outputs, scale)


@contextlib.contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keeps graphs that are compiled within to the order of their arithmetic.

    A compiled step then gives the bits that its operations give one by one, unless oneDNN
    splits a sum over its threads in another way.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(dict.fromkeys(_REORDERING, False))
    try:
        yield
    finally:
        restored = {name: before.get(name, True) for name in _REORDERING}
        tf.config.optimizer.set_experimental_options(restored)


def fit_data(batches: Iterator[Any]) -> tf.data.Dataset:
    """What `fit` takes the batches from.

    Left to itself, Keras makes a tf.data pipeline that tunes itself. There is nothing to
    tune here, and a pipeline cannot be put away while its tuner sleeps: half a second at
    first, then twice as long each time, up to a minute. That was idle time after each epoch.

    Args:
        batches: at least one; nested tuples and dicts of arrays, all of one structure.
    """
    first = next(batches)
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), first
    )
    dataset = tf.data.Dataset.from_generator(
        lambda: itertools.chain([first], batches), output_signature=signature
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(AHEAD).with_options(options)


def normalize(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Normalized:
    """Normalizes float32 `(batch, height, width, channels)` by its batch statistics.

    The raw operation is called since `tf.nn`'s wrapper raises small epsilons.
    """
    nothing = tf.zeros(0)  # no moving statistics go in
    found = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=nothing, variance=nothing, epsilon=epsilon
    )
    # For a single value the kernel doesn't correct; its variance is zero anyway.
    count = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32)
    return Normalized(found.y, found.batch_mean, biased(found.batch_variance, count))
