"""Imported weights replace the random ones, so these tests draw none."""

import keras
import pytest


@pytest.fixture
def zero_start(monkeypatch):
    """Builds models of zeros: quick, and a weight that an import leaves out shows."""
    zeros = keras.initializers.Zeros()
    for kind in (keras.initializers.VarianceScaling, keras.initializers.RandomNormal):
        monkeypatch.setattr(kind, "__call__", lambda _, shape, dtype=None: zeros(shape, dtype))
