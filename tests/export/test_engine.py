"""Engines give the vectors that Keras gives, from a file that is made once."""

import keras
import numpy as np
import pytest

from framl_keras import Embedder
from framl_keras.data.inputs import input_images
from framl_keras.errors import UserError
from framl_keras.export import engine as engines
from framl_keras.export.formats import writers_of

SIDE = 12


def can(name):
    try:
        return bool(writers_of(name))
    except UserError:
        return False


INSTALLED = [name for name in ("onnx", "openvino") if can(name)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FRAML_KERAS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def small_model():
    keras.utils.set_random_seed(0)
    pixels = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same")(pixels)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(x)))


@pytest.mark.parametrize("name", INSTALLED[:1])
def test_an_engine_gives_keras_vectors_from_a_file_made_once(name, cache, rng, monkeypatch):
    images = rng.integers(0, 256, size=(5, SIDE, SIDE, 3), dtype=np.uint8)
    model = small_model()
    plain = Embedder(model)

    found = Embedder(model, engine=name).embed(images)

    np.testing.assert_allclose(found, plain.embed(images), atol=1e-5)
    assert len(list(cache.rglob("embedder.*"))) in (1, 2)  # OpenVINO's weights are apart
    monkeypatch.setattr(engines, "export", None)
    again = plain.with_engine(name)
    assert again.engine == name
    np.testing.assert_array_equal(again.embed(images), found)


@pytest.mark.parametrize("name", ["keras", *INSTALLED[:1]])
def test_an_engine_follows_a_model_that_is_trained_on(name, cache, rng):
    images = rng.integers(0, 256, size=(300, SIDE, SIDE, 3), dtype=np.uint8)
    model = small_model()
    embedder = Embedder(model, engine=name)
    before = embedder.embed(images)
    assert embedder.predictor(300) is not model

    bias = model.layers[-1].bias
    bias.assign(bias + 100.0)

    after = embedder.embed(images)
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(after[:4], Embedder(model).embed(images[:4]), atol=1e-5)


def test_a_damaged_file_of_the_cache_is_named(cache, rng):
    if not INSTALLED:
        pytest.skip("needs an engine")
    name, model = INSTALLED[0], small_model()
    path = engines.file_of(model, name)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"damaged")

    with pytest.raises(UserError, match=r"embedder\..*: not a file that"):
        Embedder(model, engine=name).embed(rng.integers(0, 256, (2, SIDE, SIDE, 3), np.uint8))


def test_an_unknown_engine_and_one_that_is_not_installed_are_named(monkeypatch):
    with pytest.raises(
        UserError, match=r"Unknown engine 'tensorrt'. Expected one of auto, keras, onnx"
    ):
        Embedder(small_model(), engine="tensorrt")
    monkeypatch.setattr("framl_keras.export.formats._is_installed", lambda module: False)
    with pytest.raises(UserError, match="onnxruntime, which is not installed"):
        Embedder.load("missing", engine="onnx")


IMAGES = 40
CHOICES = {
    "few": ({"A_JOB": IMAGES + 1}, "keras"),
    "many": ({}, "onnx"),
    "many, on a GPU": ({"device": "GPU"}, "keras"),
    "many, where it is not installed": ({"missing": True}, "keras"),
    "many, of a model that it cannot have": ({"refused": True}, "keras"),
}


@pytest.mark.parametrize("name", CHOICES)
def test_auto_exports_for_a_job(name, cache, rng, monkeypatch, caplog):
    if "onnx" not in INSTALLED:
        pytest.skip("needs onnxruntime and a writer")
    case, expected = CHOICES[name]
    monkeypatch.setattr(engines, "A_JOB", case.get("A_JOB", IMAGES))
    monkeypatch.setattr("framl_keras.models.device.device_of", lambda _: case.get("device", "CPU"))
    refusal = UserError("no way")
    if case.get("missing"):
        monkeypatch.setattr(engines, "writers_of", refuse(refusal))
    if case.get("refused"):
        monkeypatch.setattr(engines, "export", refuse(refusal))
    images = list(rng.integers(0, 256, size=(IMAGES, SIDE, SIDE, 3), dtype=np.uint8))
    embedder = Embedder(small_model())

    found = embedder.encode(input_images(images)).vectors

    assert (embedder.engine, embedder.engine_for(IMAGES), embedder.engine_for(1)) == (
        "auto", expected, "keras",
    )  # fmt: skip
    assert bool(list(cache.rglob("embedder.onnx"))) == (expected == "onnx")
    assert ("no way" in caplog.text) == ("refused" in case)
    plain = embedder.with_engine("keras").embed(images)
    np.testing.assert_allclose(found, plain, atol=1e-5)
    parts = [embedder.encode(images, part=(i, 2)).vectors for i in (1, 2)]
    assert np.concatenate(parts).tobytes() == found.tobytes()


def refuse(error):
    def function(*arguments, **options):
        raise error

    return function


def test_a_stream_is_not_taken_for_a_job(cache, rng, monkeypatch):
    monkeypatch.setattr(engines, "A_JOB", IMAGES)
    monkeypatch.setattr("framl_keras.embedder.READ_AHEAD", 16)
    images = rng.integers(0, 256, size=(IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    Embedder(small_model()).embed((image for image in images), batch_size=8)
    assert not cache.exists()
