"""A layer that calculates with more than its weights follows them, whoever put them there."""

import keras
import numpy as np
import pytest
from keras import layers

from framl_keras.backbones.weights_file import copy_weights, load_weights_file
from framl_keras.models import folded
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.open_embedder import put_weights
from framl_keras.training.checkpoints.state import read_state, write_state


def network():
    pixels = keras.Input((6, 5, 3), name="pixels")
    x = layers.Normalization(name="numbers_of_data")(layers.Conv2D(3, 2, name="before")(pixels))
    model = keras.Model(pixels, layers.Conv2D(4, 3, name="after")(x), name="network")
    model.compile("sgd", "mse")
    return model


def by_state(source, target, folder):
    write_state(target, read_state(source))


def by_checkpoint(source, target, folder):
    arrays = {f"model/{variable.path}": variable.numpy() for variable in source.variables}
    put_weights(target, Checkpoint({}, arrays), folder / "any.ckpt")


def by_file(source, target, folder):
    source.save(folder / "any.keras")
    load_weights_file(target, str(folder / "any.keras"))


WAYS = {
    "copy_weights": lambda source, target, _: copy_weights(source, target),
    "write_state": by_state,
    "put_weights": by_checkpoint,
    "load_weights_file": by_file,
}


@pytest.mark.parametrize("way", WAYS)
def test_normalization_follows_its_weights(way, tmp_path, rng):
    x = np.float32(rng.normal(3, 5, size=(8, 6, 5, 3)))
    source, target = network(), network()
    source.get_layer("numbers_of_data").adapt(x[:, 1:, 1:])

    WAYS[way](source, target, tmp_path)

    expected = source.predict(x, verbose=0)
    np.testing.assert_allclose(target.predict(x, verbose=0), expected, rtol=1e-6)
    np.testing.assert_allclose(folded(target).predict(x, verbose=0), expected, rtol=1e-3, atol=1e-5)
