"""Keras' equalization chooses its histogram by KERAS_BACKEND and not by the graph it is in."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

_KERAS = "framl_keras.keras_internals"  # importing the data does not import Keras


@contextlib.contextmanager
def histograms_of_tensorflow() -> Iterator[None]:
    """A context in which Keras' `Equalization` counts with TensorFlow, in whose graph it runs.

    For JAX it unrolls a comparison for each of 256 values, and a `RandAugment` has
    eleven thousand nodes. The histogram is the same.
    """
    equalization = importlib.import_module(_KERAS).equalization_module()
    if equalization is None:  # another version of Keras, whose histogram is its own affair
        yield
        return
    usual = equalization.__dict__["backend"]
    equalization.__dict__["backend"] = _AsOnTensorFlow(usual)
    try:
        yield
    finally:
        equalization.__dict__["backend"] = usual


class _AsOnTensorFlow:
    """Keras' backend module under TensorFlow's name."""

    def __init__(self, module: Any):
        self._module = module

    def backend(self) -> str:
        return "tensorflow"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
