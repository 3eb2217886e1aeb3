"""An embedder is opened from wherever it is, with the same weights."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from small_runs import changed

from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.runs import RunDirectory, open_embedder
from framl_keras.training.train import train


@pytest.fixture
def trained(recipe):
    run = RunDirectory("runs/tiny")
    train(changed(recipe, data={"central_crop": True, "augment": {"resize_to": 20}}), run)
    keras.saving.load_model(run.embedder, compile=False).save_weights("runs/tiny/own.weights.h5")
    shutil.copy(run.embedder, "alone.keras")
    keras.saving.load_model(run.embedder, compile=False).save("plain.keras")
    return run


PLACES = {
    "newest run": (None, 6, True),
    "run's folder": ("runs/tiny", 6, True),
    "path object": (Path("runs/tiny"), 6, True),
    "step": ("runs/tiny/checkpoints/step-000000006.ckpt", 6, True),
    "the run's file": ("runs/tiny/embedder.keras", 6, True),
    "a copy": ("alone.keras", 6, True),
    "weights": ("runs/tiny/own.weights.h5", None, True),
    "another's file": ("plain.keras", None, False),
}


@pytest.fixture(params=PLACES)
def place(request):
    return PLACES[request.param]


def test_every_place_gives_the_same_embedder(trained, place):
    path, step, crop = place
    expected = keras.saving.load_model(trained.embedder, compile=False)
    found = open_embedder(path)
    assert (found.view, found.step) == (View(16, crop), step)
    assert (found.recipe is None) == (path == "plain.keras")
    for weight, other in zip(found.model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (weight, other)))
    assert found.weights == open_embedder().weights


def test_the_best_checkpoint_is_of_its_step(trained):
    found = open_embedder("runs/tiny/checkpoints/best.ckpt")
    assert found.step == 4  # verified after the second epoch only
    assert found.directory.path == Path("runs/tiny")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("nowhere", "No such run or file: nowhere"),
        ("nowhere.keras", "No such run or file: nowhere.keras"),
        ("model.onnx", "expected a run's folder"),
        ("torch.ckpt", "none of ours.*import-weights"),
        ("lost.weights.h5", "expected recipe.yaml beside it"),
        ("head.keras", "expected an embedder"),
        ("runs/killed", "did not end.*step-000000004"),
    ],
)
def test_what_is_no_embedder_is_told_in_one_line(tmp_path, monkeypatch, path, expected):
    monkeypatch.chdir(tmp_path)
    for name in ("model.onnx", "torch.ckpt", "lost.weights.h5"):
        Path(name).write_bytes(b"PK\x03\x04 something")
    vector = keras.Input((8,))
    keras.Model(vector, keras.layers.Dense(4)(vector)).save("head.keras")
    Path("runs/killed/checkpoints").mkdir(parents=True)
    Path("runs/killed/checkpoints/step-000000004.ckpt").touch()
    with pytest.raises(UserError, match=expected) as said:
        open_embedder(path)
    assert "\n" not in str(said.value)
