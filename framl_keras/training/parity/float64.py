"""Double precision throughout: what differs then was not rounding."""

import keras
import numpy as np

from framl_keras.keras_internals import keep_float64, layers_within


def compute_in_float64() -> None:
    """Lets the whole process compute in float64, which Keras otherwise makes float32.

    For comparing backends only: it takes several times as long, and the process
    cannot go back. Call it before any model is built. JAX must have been started
    with `JAX_ENABLE_X64=1`.
    """
    keep_float64()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")


def keep_numbers_exact(model: keras.Model) -> None:
    """Keeps TensorFlow from rounding the numbers that a compiled model is set up with.

    It casts Python's numbers to float32 before anything else, but not NumPy's.
    """
    layers = layers_within(model)
    scalings = [layer for layer in layers if isinstance(layer, keras.layers.Rescaling)]
    penalties = [v.regularizer for v in model.trainable_variables if v.regularizer]
    for part in [*scalings, *penalties, model.optimizer]:
        for name, value in list(vars(part).items()):
            if type(value) is float:
                setattr(part, name, np.float64(value))
