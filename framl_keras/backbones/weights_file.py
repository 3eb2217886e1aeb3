"""Starting weights for a backbone from a file of Keras'."""

from pathlib import Path

import keras

from framl_keras.errors import UserError

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
    try:
        if path.endswith(".keras"):
            _take_from_model(network, path)
        else:
            network.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{path} does not fit the backbone {network.name}: {reason}") from None


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
    model = keras.saving.load_model(path, compile=False)
    parts = [model, *model.layers]
    named = [part for part in parts if part.name == network.name]
    if not named:
        raise ValueError(f"it holds {', '.join(part.name for part in parts)}")
    network.set_weights(named[0].get_weights())
