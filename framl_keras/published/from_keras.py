"""Makes embedders from `.keras` models and `.weights.h5` files."""

from pathlib import Path

import keras

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.models.saved import load_model
from framl_keras.published.imported import Imported
from framl_keras.untrusted.keras_file import load_keras_weights


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
