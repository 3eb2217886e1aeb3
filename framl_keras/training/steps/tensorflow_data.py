"""Batches for TensorFlow's compiled `fit`."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

AHEAD = 2  # batches that are handed over while a step runs; they are made further ahead


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
