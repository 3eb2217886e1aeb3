"""What training does differently on each backend, chosen once."""

from collections.abc import Callable

import keras

from framl_keras.training.steps.batch_norm import Normalised

normalise: Callable[..., Normalised] | None = None  # JAX' compiler fuses Keras' own operations

if keras.backend.backend() == "jax":
    from framl_keras.training.steps.jax import gradients, update
elif keras.backend.backend() == "torch":
    from framl_keras.training.steps import torch_batch_norm
    from framl_keras.training.steps.step import update
    from framl_keras.training.steps.torch import gradients

    normalise = torch_batch_norm.normalise
else:
    from framl_keras.training.steps import tensorflow_batch_norm
    from framl_keras.training.steps.step import update
    from framl_keras.training.steps.tensorflow import gradients

    normalise = tensorflow_batch_norm.normalise

__all__ = ["gradients", "normalise", "update"]
