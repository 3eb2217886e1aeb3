"""Loads a saved model; anything wrong with its file is an error that names the file."""

import os
from pathlib import Path

import keras

from framl_keras.untrusted.keras_file import load_keras_model


def load_model(path: str | os.PathLike[str]) -> keras.Model:
    """The model in a `.keras` file, ready to embed; it is not compiled.

    Nothing in the file is run. A layer of your own loads once it is registered
    (`keras.saving.register_keras_serializable`) and its module is imported.

    Raises:
        UserError: if the file is damaged, or made of classes that are not known.

    Example:
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/small.keras")
    ...     load_model(f"{folder}/small.keras").output_shape
    (None, 2)
    """
    return load_keras_model(Path(path))
