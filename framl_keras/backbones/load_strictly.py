"""Loads `.weights.h5` without Keras' lenience: what it only warns about is an error."""

import warnings

import keras

from framl_keras.errors import UserError


def load_strictly(model: keras.Model, path: str, what: str) -> None:
    """Loads a model's weights from a file that must hold them all.

    Keras keeps the random weights of parts that the file lacks and warns.

    Args:
        model: the model.
        path: a `.h5` file.
        what: what the weights should be of, for the error.

    Raises:
        UserError: if the file is none of Keras' or holds other weights.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path}: not the weights of {what}: {reason}") from None
