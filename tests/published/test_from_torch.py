"""State dicts in the published layouts give the embeddings that torch gives."""

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published import import_weights
from framl_keras.published.adaface import adaface
from framl_keras.published.arcface_torch import ARCFACE_TORCH
from framl_keras.published.catalog import backbone_named
from framl_keras.published.from_torch import prefix_of
from framl_keras.published.layout import head_options, without_frozen_gamma

torch = pytest.importorskip("torch")

import torch_models  # noqa: E402  (it needs torch)

MODELS = {
    "iresnet18": (lambda: torch_models.IResNet((2, 2, 2, 2)), False),
    "magface_r18": (lambda: torch_models.magface((2, 2, 2, 2)), True),
    "adaface_ir18": (lambda: torch_models.AdaFaceIR((2, 2, 2, 2)), True),
    "mbf": (torch_models.MobileFaceNet, False),
}


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3)).astype(np.float32)


def expected_embeddings(model, pixels, bgr, name=""):
    channels = pixels[..., ::-1] if bgr else pixels
    scaled = channels / 255 if "magface" in name else (channels / 255 - 0.5) / 0.5
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
    expected = unit(expected_embeddings(model, pixels, bgr, name))
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


@pytest.fixture(scope="module")
def small():
    """A MagFace network and its embeddings, of any width that a layout allows."""
    model = torch_models.randomize(torch_models.magface((2, 2, 2, 2)), seed=3)
    return model.state_dict()


WRAPPED = {
    "features.module.": lambda state: {f"features.module.{n}": t for n, t in state.items()},
    "with its head": lambda state: {
        "state_dict": {**{f"module.features.{n}": t for n, t in state.items()}}
        | {"module.fc.weight": torch.zeros(3, 512)},
        "epoch": 25,
    },
    "another gamma": lambda state: state | {"features.weight": torch.full((512,), 0.5)},
}


@pytest.mark.parametrize("name", WRAPPED)
def test_marks_of_magface_ask_which_it_is(name, small, tmp_path):
    torch.save(WRAPPED[name](dict(small)), tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"--layout magface or --layout arcface_torch"):
        import_weights(tmp_path / "a.pth", "r18")


def test_a_layout_that_is_asked_for_is_taken(small, pixels, tmp_path, zero_start):
    torch.save(WRAPPED["with its head"](dict(small)), tmp_path / "a.pth")
    imported = import_weights(tmp_path / "a.pth", "r18", layout="magface")
    assert imported.difference < 1e-4
    assert imported.assumptions == "batch norm epsilon 2e-05, BGR pixels, scaled as x / 255"
    assert imported.left_out == ("fc.weight",)


@pytest.mark.parametrize(
    ("name", "layout", "expected"),
    [
        ("r18", "magface", "MagFaceIResNet18"),
        ("magface_iresnet100", "magface", "MagFaceIResNet100"),
        ("r50", "arcface_torch", "IResNet50"),
        ("magface_r50", None, "MagFaceIResNet50"),
    ],
)
def test_the_layout_chooses_among_networks_of_the_same_names(name, layout, expected):
    assert backbone_named(name, layout) == expected


@pytest.mark.parametrize(
    ("name", "layout", "message"),
    [
        ("r50", "magfase", "Unknown --layout magfase"),
        ("mbf", "magface", "expected --as MagFaceIResNet18 or"),
        ("magface_r50", "arcface_torch", "expected --as IResNet18 or"),
    ],
)
def test_a_layout_that_the_network_does_not_have(name, layout, message):
    with pytest.raises(UserError, match=message):
        backbone_named(name, layout)


PREFIXES = ("", "module.", "net.", "backbone.", "model.", "features.module.", "a.b.module.")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("layout", [ARCFACE_TORCH, adaface((2, 2, 2, 2))], ids=["arcface", "ada"])
def test_any_prefix_that_all_names_share_is_found(prefix, layout, tmp_path):
    stem = f"{layout.prefix('stem_conv')}.weight"
    names = [f"{prefix}{stem}", f"{prefix}{layout.embed}", "head.weight", f"{prefix}x.{stem}"]
    assert prefix_of(names, layout, tmp_path) == prefix


def test_two_networks_in_a_file_are_named(tmp_path):
    names = [f"{p}.{n}" for p in ("student", "teacher") for n in ("conv1.weight", "fc.weight")]
    with pytest.raises(UserError, match=r"2 networks, student\.\*, teacher\.\*"):
        prefix_of(names, ARCFACE_TORCH, tmp_path)


@pytest.mark.parametrize("suffix", [".params", ".pb", ".pkl", ".npz", ".tflite", ".xyz"])
def test_files_of_other_kinds_say_what_they_are_and_what_to_do(suffix, tmp_path):
    (tmp_path / f"a{suffix}").write_bytes(b"x")
    with pytest.raises(UserError, match=r"Expected|Import|Save") as error:
        import_weights(tmp_path / f"a{suffix}", "r50")
    assert "\n" not in str(error.value)
