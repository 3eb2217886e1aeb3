"""The explicit gradient step, written out for each backend and chosen once."""

import keras

if keras.backend.backend() == "jax":
    from framl_keras.training.steps.jax import gradients
elif keras.backend.backend() == "torch":
    from framl_keras.training.steps.torch import gradients
else:
    from framl_keras.training.steps.tensorflow import gradients

__all__ = ["gradients"]
