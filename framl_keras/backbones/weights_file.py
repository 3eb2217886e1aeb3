"""Starting weights for a backbone from a file of Keras'."""

from pathlib import Path

import keras

from framl_keras.errors import UserError
from framl_keras.keras_internals import weights_were_put
from framl_keras.untrusted.keras_file import load_keras_model, load_keras_weights

SUFFIXES = (".h5", ".keras")


def load_weights_file(network: keras.Model, path: str) -> None:
    """Loads a file of weights into a network, which they must fit entirely.

    Args:
        network: the backbone.
        path: `.weights.h5` of this network, a `.keras` model of it, or an embedder
            (`.keras`) in which it is a part.

    Raises:
        UserError: if there is no such file, or it holds something else.
    """
    check_weights_file(path)
    if path.endswith(".keras"):
        _take_from_model(network, path)
    else:
        load_keras_weights(network, Path(path), network.name)


def check_weights_file(path: str) -> None:
    """Raises `UserError` unless `path` is a file of a kind that can be loaded."""
    if not Path(path).is_file():
        raise UserError(
            f"No such weights: {path}. Expected `imagenet`, a file of weights "
            f"(*{', *'.join(SUFFIXES)}), or `weights: null` to start from random ones."
        )
    if not path.endswith(SUFFIXES):
        raise UserError(
            f"{path}: expected Keras weights (*{', *'.join(SUFFIXES)}). Other formats are "
            "converted with: framl-keras import-weights"
        )


def _take_from_model(network: keras.Model, path: str) -> None:
    """Copies the weights of the model in a file, or of the part that is named as the network."""
    model = open_model(path)
    parts = {part.name: part for part in [model, *model.layers]}
    if network.name not in parts:
        raise UserError(f"{path}: expected the network {network.name}, found {', '.join(parts)}")
    if not copy_weights(parts[network.name], network):
        raise UserError(f"{path}: its {network.name} has other shapes than this one.")


def open_model(path: str) -> keras.Model:
    """The model in a `.keras` file.

    Raises:
        UserError: if there is none.
    """
    return load_keras_model(Path(path))


def copy_weights(source: keras.layers.Layer, target: keras.layers.Layer) -> bool:
    """Copies all weights of a layer or model if their shapes are the same; whether they are."""
    weights = source.get_weights()
    if [weight.shape for weight in weights] != [tuple(own.shape) for own in target.weights]:
        return False
    target.set_weights(weights)
    weights_were_put(target)
    return True
