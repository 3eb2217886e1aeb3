"""Starting a model from one that was trained before."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from framl_keras.backbones.weights_file import copy_weights, open_model
from framl_keras.errors import UserError
from framl_keras.layers import ArcMarginLayer
from framl_keras.layers.center_rows import edit_centers
from framl_keras.models.embedder import BACKBONE, network_of
from framl_keras.untrusted.keras_file import load_keras_weights

REPRESENTATION = "representation"
CENTERS = ("kernel", "bias")  # what a head keeps for each class


def take_embedder(embedder: keras.Model, path: str) -> list[str]:
    """Starts an embedder from the file of a trained one.

    The network must fit entirely. The representation is taken where its shapes are the
    same: a new image size, embedding length or pooling starts it anew.

    Args:
        embedder: a model from `embedding_model`.
        path: a `.keras` file, or `.weights.h5` of a whole embedder, which must fit entirely.

    Returns:
        The parts that were taken, of `backbone` and `representation`.

    Raises:
        UserError: if the file is of another kind or another network.
    """
    network = network_of(embedder)
    if path.endswith(".h5"):
        load_keras_weights(embedder, Path(path), f"an embedder with {network.name}")
        return [BACKBONE, REPRESENTATION]
    return take_parts(embedder, open_model(path), path)


def take_parts(embedder: keras.Model, trained: keras.Model, path: str) -> list[str]:
    """Starts an embedder from a trained one, see `take_embedder`.

    Args:
        embedder: a model from `embedding_model`.
        trained: where the weights come from.
        path: what errors call it.

    Returns:
        The parts that were taken, of `backbone` and `representation`.

    Raises:
        UserError: if it has another network.
    """
    network = network_of(embedder)
    parts = {part.name: part for part in trained.layers}
    if network.name not in parts:
        raise UserError(f"{path}: expected the network {network.name}, found {', '.join(parts)}")
    if not copy_weights(parts[network.name], network):
        raise UserError(f"{path}: its {network.name} has other shapes than this one.")
    representation = embedder.get_layer(REPRESENTATION)
    fits = REPRESENTATION in parts and copy_weights(parts[REPRESENTATION], representation)
    return [BACKBONE, REPRESENTATION] if fits else [BACKBONE]


def take_centers(
    head: keras.layers.Layer,
    arrays: Mapping[str, np.ndarray],
    num_classes: int,
    old: Sequence[int],
    new: Sequence[int],
) -> bool:
    """Copies the centers of some classes from a trained head's weights.

    Args:
        head: the built head, an `ArcMarginLayer` or a Dense.
        arrays: the weights of a trained one, by name.
        num_classes: how many classes that one has.
        old: labels there.
        new: labels here, one for each.

    Returns:
        Whether they were taken: the two must be of the same kind, with as many
        sub-centers and embeddings of the same length.
    """
    weights = {weight.name: weight for weight in head.weights if weight.name in CENTERS}
    if weights.keys() != arrays.keys() & set(CENTERS):
        return False
    if isinstance(head, ArcMarginLayer):
        dim = head.kernel.shape[1]
        if arrays["kernel"].shape != (head.sub_centers * num_classes, dim):
            return False
        trained = arrays["kernel"].reshape(head.sub_centers, num_classes, dim)
        before = np.asarray(old)
        edit_centers(head, new, lambda _, places: trained[:, before[places]])
        return True
    values = {name: _numbers(weight) for name, weight in weights.items()}
    for name in weights:
        if arrays[name].shape != (*values[name].shape[:-1], num_classes):
            return False
    for name, weight in weights.items():
        values[name][..., new] = arrays[name][..., old]
        weight.assign(values[name])
    return True


def point_centers(head: keras.layers.Layer, labels: Sequence[int], directions: np.ndarray) -> None:
    """Turns the centers of some classes towards given directions; they keep their lengths.

    Of several sub-centers the first is turned, for equal ones would stay equal.

    Args:
        head: the built head.
        labels: the classes.
        directions: `(len(labels), dim)`, of any length.
    """
    units = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    if isinstance(head, ArcMarginLayer):

        def turned(centers: np.ndarray, places: np.ndarray) -> np.ndarray:
            lengths = np.linalg.norm(centers[:1], axis=2, keepdims=True)
            return np.concatenate([units[places] * lengths, centers[1:]])

        edit_centers(head, labels, turned)
        return
    values = _numbers(head.kernel)
    values[:, labels] = units.T * np.linalg.norm(values[:, labels], axis=0)
    head.kernel.assign(values)


def _numbers(weight: keras.Variable) -> np.ndarray:
    return np.array(ops.convert_to_numpy(weight))
