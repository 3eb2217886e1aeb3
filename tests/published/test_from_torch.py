"""State dicts in the published layouts give the embeddings that torch gives."""

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published import import_weights
from framl_keras.published.adaface import adaface
from framl_keras.published.arcface_torch import ARCFACE_TORCH
from framl_keras.published.layout import head_options, without_frozen_gamma

torch = pytest.importorskip("torch")

import torch_models  # noqa: E402  (it needs torch)

MODELS = {
    "iresnet18": (lambda: torch_models.IResNet((2, 2, 2, 2)), False),
    "adaface_ir18": (lambda: torch_models.AdaFaceIR((2, 2, 2, 2)), True),
    "mbf": (torch_models.MobileFaceNet, False),
}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3)).astype(np.float32)


def expected_embeddings(model, pixels, bgr):
    channels = pixels[..., ::-1] if bgr else pixels
    scaled = (channels / 255 - 0.5) / 0.5
    with torch.no_grad():
        return model(torch.from_numpy(scaled.transpose(0, 3, 1, 2).copy())).numpy()


def unit(vectors):
    vectors = np.asarray(vectors, dtype=np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("name", MODELS)
def test_embeddings_equal_torchs(name, pixels, tmp_path, zero_start):
    build, bgr = MODELS[name]
    model = torch_models.randomize(build())
    torch.save(model.state_dict(), tmp_path / "backbone.pth")
    imported = import_weights(tmp_path / "backbone.pth", name)
    expected = unit(expected_embeddings(model, pixels, bgr))
    assert np.abs(unit(imported.embedder.predict_on_batch(pixels)) - expected).max() < 1e-4
    assert imported.difference < 1e-4
    assert np.abs(expected[0] - expected[1]).max() > 1e-2  # so that equality says something


def test_a_gamma_that_is_not_frozen_at_one_is_kept():
    gamma = {"features.weight": np.array([1.0, 2.0])}
    assert head_options(ARCFACE_TORCH, gamma)["final_scale"]
    assert without_frozen_gamma(ARCFACE_TORCH, gamma) == gamma


def test_a_gamma_of_ones_is_no_weight_of_ours():
    gamma = {"features.weight": np.ones(2)}
    assert not head_options(ARCFACE_TORCH, gamma)["final_scale"]
    assert without_frozen_gamma(ARCFACE_TORCH, gamma) == {}


@pytest.mark.parametrize(
    ("layer", "prefix"),
    [
        ("stage1_block1_conv2", "body.0.res_layer.4"),
        ("stage3_block1_shortcut_conv", "body.7.shortcut_layer.0"),
        ("stage4_block3_se_excite", "body.23.res_layer.se_block.fc2"),
    ],
)
def test_adafaces_blocks_stand_in_one_row(layer, prefix):
    assert adaface((3, 4, 14, 3)).prefix(layer) == prefix


def test_another_familys_names_are_recognized(tmp_path):
    torch.save({"output_layer.3.weight": torch.zeros(1)}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"--as AdaFaceIR18 or "):
        import_weights(tmp_path / "a.ckpt", "iresnet50")


def test_a_network_that_nobody_published_in_torch_is_refused(tmp_path):
    torch.save({}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"no layout for ResNet50 in torch"):
        import_weights(tmp_path / "a.pth", "resnet50")
