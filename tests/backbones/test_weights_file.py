"""Starting weights: files that fit are taken, all else is explained."""

import numpy as np
import pytest

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model

SIZE = (32, 32, 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same IResNet10 as weights, as a model, and within an embedder."""
    folder = tmp_path_factory.mktemp("weights")
    embedder = embedding_model("IResNet10", 32, 8)
    network = embedder.get_layer("IResNet10")
    network.save_weights(folder / "own.weights.h5")
    network.save(folder / "network.keras")
    embedder.save(folder / "embedder.keras")
    (folder / "text.h5").write_text("no weights")
    (folder / "text.keras").write_text("no model")
    (folder / "text.txt").write_text("no weights")
    return folder, network.get_weights()


@pytest.mark.parametrize("name", ["own.weights.h5", "network.keras", "embedder.keras"])
def test_a_files_weights_are_taken(name, files):
    folder, expected = files
    network = backbones.get("IResNet10").build(SIZE, weights=str(folder / name))
    for received, wanted in zip(network.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(received, wanted)


@pytest.mark.parametrize(
    ("backbone", "weights", "message"),
    [
        ("IResNet10", "imagenet", "IResNet10 has no ImageNet weights"),
        ("IResNet10", "missing.h5", r"No such weights: .*missing\.h5"),
        ("MobileNetV2", "missing.h5", r"No such weights: .*missing\.h5"),
        ("IResNet10", "text.txt", "import-weights"),
        ("IResNet10", "text.h5", r"text\.h5: not the weights of IResNet10"),
        ("IResNet10", "text.keras", r"text\.keras: not a model"),
        ("IResNet10SE", "own.weights.h5", "not the weights of IResNet10SE"),
        ("IResNet10SE", "embedder.keras", "expected the network IResNet10SE, found .*IResNet10"),
    ],
)
def test_what_cannot_be_taken_is_explained(backbone, weights, message, files):
    location = weights if weights == "imagenet" else str(files[0] / weights)
    with pytest.raises(UserError, match=message):
        backbones.get(backbone).build(SIZE, weights=location)


def test_weights_that_cannot_be_fetched_say_how_to_go_on(monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", refuse)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(UserError, match=r"MobileNetV2 is not available .*`weights: null`"):
        backbones.get("MobileNetV2").build((96, 96, 3), weights="imagenet")
