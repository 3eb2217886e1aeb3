"""Makes embedders from `.keras` models and `.weights.h5` files."""

import os
from pathlib import Path

import keras

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published.imported import Imported
from framl_keras.untrusted.keras_file import load_keras_model, load_keras_weights


def from_keras_model(path: Path) -> Imported:
    """Takes an embedder as it is, or the embedder out of a training model.

    Raises:
        UserError: if the file cannot be loaded or holds no embedder.
    """
    model = load_model(path)
    names = [layer.name for layer in model.layers]
    if "representation" not in names or len(model.inputs[0].shape) != 4:
        raise UserError(
            f"{path}: expected an embedder with a layer `representation`, found {', '.join(names)}"
        )
    embedding = model.get_layer("representation").output
    return Imported(keras.Model(model.inputs[0], embedding, name="embedder"), 0.0, "keras")


def from_keras_weights(
    path: Path, backbone: str, image_size: int, embedding_dim: int | None
) -> Imported:
    """Loads the weights of a whole embedder.

    Raises:
        UserError: if they are not those of this network with its usual head.
    """
    options = dict(backbones.get(backbone).head)
    if embedding_dim is not None:
        options["embedding_dim"] = embedding_dim
    embedder = embedding_model(backbone, image_size, **options)
    load_keras_weights(embedder, path, backbone)
    return Imported(embedder, 0.0, "keras")


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
