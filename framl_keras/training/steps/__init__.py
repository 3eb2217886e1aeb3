"""What training does differently on each backend, chosen once."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

from framl_keras.training.steps import batch_norm
from framl_keras.training.steps.batch_norm import Normalized

normalize: Callable[..., Normalized] | None = None  # JAX' compiler fuses Keras' own operations
move: Callable[[keras.Variable, Any, float], None] = batch_norm.move
no_gradient: Callable[[], Any] = contextlib.nullcontext  # only Torch records unless told
compiling: Callable[[], Any] = contextlib.nullcontext  # only TensorFlow reorders arithmetic
fit_data: Callable[[Iterator[Any]], Any] = iter  # elsewhere `fit` takes a generator as it is
# TensorFlow reads a batch within the step's graph, parts of which run before reading fails.
whole_after_error = True

if keras.backend.backend() == "jax":
    from framl_keras.training.steps.jax import gradients, update
    from framl_keras.training.steps.step import count
elif keras.backend.backend() == "torch":
    from framl_keras.training.steps import torch as of_torch
    from framl_keras.training.steps.step import count, update
    from framl_keras.training.steps.torch import gradients

    normalize, no_gradient, move = of_torch.normalize, of_torch.no_gradient, of_torch.move
else:
    from framl_keras.training.steps import tensorflow as of_tensorflow
    from framl_keras.training.steps.tensorflow import count, gradients, update

    normalize, fit_data = of_tensorflow.normalize, of_tensorflow.fit_data
    compiling = of_tensorflow.exact_arithmetic
    whole_after_error = False

__all__ = [
    "compiling",
    "count",
    "fit_data",
    "gradients",
    "move",
    "no_gradient",
    "normalize",
    "update",
    "whole_after_error",
]
