import cv2
import keras
import numpy as np
import pytest

from framl_keras import backbones
from framl_keras.recipe import Recipe


def tiny(input_shape, weights=None):
    pixels = keras.Input(input_shape)
    features = keras.layers.Conv2D(8, 5, 4, padding="same", name="conv")(pixels)
    features = keras.layers.BatchNormalization(name="norm")(features)
    return keras.Model(pixels, keras.layers.ReLU(name="relu")(features), name="tiny")


if "tiny-for-tests" not in backbones.names():
    backbones.register("tiny-for-tests", backbones.Backbone(tiny))


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """Five people of eight noisy 20x20 images each."""
    root, rng = tmp_path_factory.mktemp("faces"), np.random.default_rng(0)
    for person in range(5):
        (root / f"person {person}").mkdir()
        face = rng.integers(40, 216, (20, 20, 3))
        for image in range(8):
            pixels = np.clip(face + rng.normal(0, 20, face.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(root / f"person {person}" / f"{image}.png"), pixels)
    return root


@pytest.fixture
def recipe(faces, tmp_path, monkeypatch):
    """A recipe of six steps in three epochs; the working directory is empty."""
    monkeypatch.chdir(tmp_path)
    return Recipe.model_validate(
        {
            "name": "tiny",
            "data": {
                "train": str(faces),
                "people": [1, 3],
                "test": "held-out",
                "image_size": 16,
                "augment": {"resize_to": 20},
            },
            "model": {
                "backbone": "tiny-for-tests",
                "embedding_dim": 8,
                "dropout": 0.3,
                "scale": 16,
            },
            "train": {"epochs": 3, "batch_size": 12, "log_every": 1, "verify_every": 2},
        }
    )
