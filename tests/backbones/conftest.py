"""Weights drawn with NumPy: quicker than some backends' generators, which compile per shape."""

import math

import keras
import numpy as np
import pytest


def _draw(initializer, shape, dtype=None):
    rng = np.random.default_rng(math.prod(shape))
    values = rng.standard_normal(shape, dtype=np.float32)
    return keras.ops.convert_to_tensor(values * math.prod(shape[:-1]) ** -0.5, dtype=dtype)


@pytest.fixture(autouse=True)
def numpy_start(monkeypatch):
    """Draws kernels so that activations keep their size."""
    monkeypatch.setattr(keras.initializers.VarianceScaling, "__call__", _draw)
