"""Images under a wrong name are found by their angle to the dominant center."""

import csv
import shutil

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner

from framl_keras.cli.label_noise import command
from framl_keras.data.sources import open_source
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation import label_noise
from framl_keras.recipe import Recipe
from framl_keras.runs.checkpoint import Checkpoint, save_checkpoint
from framl_keras.runs.directory import RunDirectory

RECIPE = {
    "name": "one",
    "data": {"image_size": 16},
    "model": {"backbone": "none", "embedding_dim": 3, "sub_centers": 2},
}
COLOURS = {"blue": (0, 0, 200), "green": (0, 200, 0), "red": (200, 0, 0)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Three colors as people, whose embedding is their color; one image is misplaced."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, color in COLOURS.items():
        folder = tmp_path / "faces" / name
        folder.mkdir(parents=True)
        for number in range(4):
            image = np.clip(color + rng.normal(20, 5, (16, 16, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), image[:, :, ::-1])
    shutil.move("faces/red/3.png", "faces/blue/9.png")
    write_run(RunDirectory("runs/one"))
    return tmp_path


def write_run(run):
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.GlobalAveragePooling2D()])
    recipe = Recipe.model_validate(RECIPE | {"data": {**RECIPE["data"], "train": "faces"}})
    run.write(recipe, list(COLOURS))
    model.save(run.embedder)
    colors = np.array(list(COLOURS.values()), np.float32)
    # The second sub-centers are turned: blue's lies where its misplaced image does.
    kernel = np.concatenate([colors, colors[[2, 0, 1]]])
    run.checkpoints.mkdir(parents=True)
    arrays = {"model/head/kernel": kernel}
    save_checkpoint(run.checkpoints / "step-000000001.ckpt", Checkpoint({"step": 1}, arrays))


def call(*arguments):
    result = CliRunner().invoke(command, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_misplaced_image_is_listed_with_whom_it_looks_like(place):
    output = call("-o", "noise.csv")
    assert "1 of 12 images (8.33 %) are farther than 75 degrees" in output
    with open("noise.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["identity"], row["nearest"]) == ("blue", "red")
    assert row["image"].endswith("9.png")
    image = cv2.imread("faces/blue/9.png")[:, :, ::-1].astype(float).mean((0, 1))
    angle = np.degrees(np.arccos(image[2] / np.linalg.norm(image)))
    assert float(row["angle"]) == pytest.approx(angle, abs=0.06)


def test_a_smaller_angle_lists_more_farthest_first(place):
    output = call("--angle", "0", "--show", "3")
    assert "12 of 12 images (100.00 %)" in output
    lines = output.splitlines()[3:]
    angles = [float(line.split()[0]) for line in lines]
    assert len(lines) == 3
    assert angles == sorted(angles, reverse=True)


def test_identities_at_a_time_make_no_difference(place, monkeypatch):
    model = keras.saving.load_model("runs/one/embedder.keras")
    centers = np.eye(3)[::-1][None]
    arguments = (model, open_source("faces"), centers, 7.1, View(16))
    whole = label_noise.find_label_noise(*arguments)
    monkeypatch.setattr(label_noise, "AT_ONCE", 2)
    parts = label_noise.find_label_noise(*arguments)
    np.testing.assert_array_equal(whole.angles, parts.angles)
    assert whole.suspects == parts.suspects
    assert 2 < len(whole.suspects) < 12


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda: shutil.rmtree("faces/red"), "no longer those that runs/one was trained on"),
        (lambda: shutil.rmtree("runs/one/checkpoints"), "no checkpoint to read the centers from"),
    ],
)
def test_what_is_missing_is_told(place, break_it, message):
    break_it()
    with pytest.raises(UserError, match=message):
        call("--run", "runs/one")
