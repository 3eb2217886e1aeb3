"""Embedders of our own files: `.keras` models and `.weights.h5`."""

from pathlib import Path

import keras

from framl_keras import backbones
from framl_keras.backbones.load_strictly import load_strictly
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published.imported import Imported


def from_keras_model(path: Path) -> Imported:
    """Takes an embedder as it is, or the embedder out of a training model.

    Raises:
        UserError: if the file cannot be loaded or holds no embedder.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path}: not a model that Keras can load: {reason}") from None
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
    load_strictly(embedder, str(path), backbone)
    return Imported(embedder, 0.0, "keras")
