"""What every backbone owes: its shape and size, saving, jit and mixed precision at 112 x 112."""

import functools

import keras
import numpy as np
import pytest

from framl_keras import backbones
from framl_keras.backbones.iresnet import squeeze_excite
from framl_keras.models import embedding_model

SIZE = (112, 112, 3)
SMALL = ["FaceResNet10", "IResNet10", "IResNet10SE", "MobileFaceNet", "MobileNetV2"]
MAPS = {
    "AdaFaceIR18": (7, 7, 512),
    "AdaFaceIRSE50": (7, 7, 512),
    "IResNet34": (7, 7, 512),
    "MobileFaceNetLarge": (7, 7, 512),
    "ResNet50": (4, 4, 2048),
}
PUBLISHED = {"IResNet50": 43.59, "IResNet100": 65.16, "MobileFaceNet": 2.06}  # millions


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).uniform(-1, 1, (2, *SIZE)).astype("float32")


@pytest.fixture
def without_code_generation(monkeypatch):
    """Torch compiles graphs as elsewhere but writes no C++, which takes minutes."""
    if keras.config.backend() == "torch":
        import torch

        compiled = functools.partial(torch.compile, backend="eager")
        monkeypatch.setattr(torch, "compile", compiled)


@pytest.mark.parametrize("name", MAPS)
def test_the_map_has_its_published_shape(name):
    network = backbones.get(name).build(SIZE)
    assert network.output_shape == (None, *MAPS[name])


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_parameter_count_is_the_published_one(name):
    model = embedding_model(name, 112, 512, **backbones.get(name).head)
    count = sum(np.prod(variable.shape) for variable in model.trainable_variables)
    assert round(count / 1e6, 2) == PUBLISHED[name]


@pytest.mark.parametrize("name", SMALL)
def test_a_saved_network_gives_the_same_map(name, pixels, tmp_path):
    network = backbones.get(name).build(SIZE)
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    expected = network.predict_on_batch(pixels)
    np.testing.assert_allclose(loaded.predict_on_batch(pixels), expected, rtol=1e-4, atol=1e-4)
    assert f"{network.count_params():,}" in summary_of(loaded)


def summary_of(network):
    lines = []
    network.summary(print_fn=lines.append)
    return "\n".join(map(str, lines))


@pytest.mark.parametrize("name", ["IResNet10", "MobileFaceNet"])
def test_a_jitted_network_gives_the_same_map(name, pixels, without_code_generation):
    network = backbones.get(name).build(SIZE)
    network.compile(jit_compile=False)
    expected = network.predict_on_batch(pixels)
    network.compile(jit_compile=True)
    received = network.predict_on_batch(pixels)
    np.testing.assert_allclose(received, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["IResNet10SE", "MobileFaceNet"])
def test_mixed_precision_stays_near_float32(name, pixels):
    exact = backbones.get(name).build(SIZE)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = backbones.get(name).build(SIZE)
    finally:
        keras.config.set_dtype_policy("float32")
    network.set_weights(exact.get_weights())
    received = np.asarray(network.predict_on_batch(pixels), dtype="float32")
    assert keras.backend.standardize_dtype(network.output.dtype) == "bfloat16"
    expected = exact.predict_on_batch(pixels)
    assert np.abs(received - expected).mean() < 0.05 * np.abs(expected).mean()


def test_layer_names_are_readable():
    names = [layer.name for layer in backbones.get("IResNet10SE").build(SIZE).layers]
    assert names[1:5] == ["stem_conv_pad", "stem_conv", "stem_bn", "stem_prelu"]
    assert "stage2_block1_conv1" in names
    assert "stage4_block1_shortcut_bn" in names
    assert names[-1] == "stage4_block1_add"


def test_blocks_and_widths_must_agree():
    from framl_keras.backbones.iresnet import iresnet

    with pytest.raises(ValueError, match="one number a stage"):
        iresnet(SIZE, blocks=(1, 1), widths=(8,))
    with pytest.raises(ValueError, match=r"shortcut='identity'"):
        iresnet(SIZE, blocks=(1,), widths=(8,), shortcut="identity")


def test_squeeze_excite_weighs_channels_as_the_formula_says():
    inputs = keras.Input((3, 5, 8))
    model = keras.Model(inputs, squeeze_excite(inputs, reduction=4, name="se"))
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 8))
    squeeze, excite = (w.reshape(w.shape[-2:]).astype("float64") for w in model.get_weights())
    middle = np.maximum(x.mean(axis=(1, 2)) @ squeeze, 0)
    weights = 1 / (1 + np.exp(-middle @ excite))
    expected = x * weights[:, None, None, :]
    received = model.predict_on_batch(x.astype("float32"))
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-6)
