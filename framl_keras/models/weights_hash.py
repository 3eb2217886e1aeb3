"""By what a run's thresholds know the weights that they are for."""

import hashlib
from typing import Any

import numpy as np


def weights_hash(model: Any) -> str:
    """A hash of a Keras model's weights: paths, shapes and values, on any backend.

    Example:
    >>> import keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> len(weights_hash(model)) > 8
    True
    """
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.weights:
        values = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.path} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
