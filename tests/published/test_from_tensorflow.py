"""The seed's TensorFlow checkpoints give the embeddings that the seed gives."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import seed_checkpoint
from seed_checkpoint import SIZE

from framl_keras.errors import UserError
from framl_keras.published import import_weights

EXPECTED = json.loads(Path(__file__).with_name("seed_embeddings.json").read_text())


def shapes_of(layer):
    return [(variable.name, tuple(variable.shape)) for variable in layer.weights]


def head_shapes(inputs, features):
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    return {
        "input_norm": [(name, (inputs,)) for name in norm],
        "dense": [("kernel", (features, 512)), ("bias", (512,))],
        "output_norm": [(name, (512,)) for name in norm],
    }


def write_checkpoint(kind, prefix, channels):
    backbone = getattr(keras.applications, kind)(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)
    )
    network = {layer.name: shapes_of(layer) for layer in backbone.layers if layer.weights}
    seed_checkpoint.write(prefix, network, head_shapes(channels, 2 * 2 * channels))


@pytest.mark.parametrize(("kind", "channels"), [("ResNet50", 2048), ("MobileNetV2", 1280)])
def test_embeddings_equal_the_seeds(kind, channels, tmp_path, zero_start):
    pytest.importorskip("tensorflow")
    write_checkpoint(kind, tmp_path / "e_8_b_40000.ckpt", channels)
    imported = import_weights(tmp_path / "e_8_b_40000.ckpt.index", kind, SIZE)
    pixels = seed_checkpoint.pixels()
    vectors = np.float64(imported.embedder.predict_on_batch(pixels))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.array(EXPECTED[kind])
    assert np.abs(vectors[:, : expected.shape[1]] - expected).max() < 1e-4
    assert imported.difference < 1e-4


def test_a_checkpoint_of_something_else_is_refused(tmp_path, zero_start):
    tf = pytest.importorskip("tensorflow")
    tf.train.Checkpoint(x=tf.Variable(1.0)).write(str(tmp_path / "other.ckpt"))
    with pytest.raises(UserError, match=r"missing: .*surplus: x/"):
        import_weights(tmp_path / "other.ckpt", "mobilenet_v2")


def test_a_broken_checkpoint_is_named(tmp_path):
    pytest.importorskip("tensorflow")
    (tmp_path / "x.ckpt.index").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"x\.ckpt: not a checkpoint"):
        import_weights(tmp_path / "x.ckpt", "resnet50")


def test_without_tensorflow_the_pip_line_is_shown(tmp_path, monkeypatch):
    (tmp_path / "x.ckpt.index").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UserError, match="pip install tensorflow"):
        import_weights(tmp_path / "x.ckpt", "resnet50")
