"""`encode` and `compare` on a run whose model is a plain projection."""

import json
import logging

import cv2
import keras
import numpy as np
import pytest

from framl_keras.cli.group import main
from framl_keras.evaluation.report import weights_hash
from framl_keras.recipe import Recipe
from framl_keras.runs.directory import RunDirectory


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a run, five readable images and one that is none."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for index in range(5):
        path = tmp_path / "faces" / f"face{index * 3}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (16, 16, 3)).astype(np.uint8))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no image")
    content = {"name": "tiny", "data": {"train": "orl", "image_size": 16}}
    recipe = Recipe.model_validate({**content, "model": {"backbone": "ResNet50"}})
    run = RunDirectory("runs/tiny")
    run.write(recipe, ["a", "b"])
    pixels = keras.Input((16, 16, 3))
    vectors = keras.layers.Dense(6)(keras.layers.Flatten()(pixels))
    keras.Model(pixels, vectors).save(run.embedder)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


def expected(paths):
    """Mirror-fused unit vectors, from the saved kernel alone."""
    model = keras.saving.load_model("runs/tiny/embedder.keras")
    kernel, bias = (keras.ops.convert_to_numpy(w).astype(float) for w in model.weights)
    images = [cv2.imread(str(path))[..., ::-1].astype(float) for path in paths]
    fused = np.stack([sum(v.ravel() @ kernel + bias for v in (i, i[:, ::-1])) for i in images])
    return fused / np.linalg.norm(fused, axis=1, keepdims=True)


def test_one_image_gives_one_row(workplace):
    assert run("encode", "faces/face0.png", "-o", "one.npy") == 0
    embeddings = np.load("one.npy")
    assert (embeddings.shape, embeddings.dtype) == ((1, 6), np.float32)
    np.testing.assert_allclose(embeddings, expected(["faces/face0.png"]), atol=1e-5)


def test_a_folder_is_encoded_in_natural_order_with_its_keys_beside(workplace):
    assert run("encode", "faces", "-o", "out/many.npy") == 0
    keys = json.loads((workplace / "out/many.json").read_text())
    assert keys == [f"faces/face{index}.png" for index in (0, 3, 6, 9, 12)]
    np.testing.assert_allclose(np.load("out/many.npy"), expected(keys), atol=1e-5)


def test_one_broken_image_is_refused(workplace, capsys):
    assert run("encode", "broken.jpg") == 2
    assert "broken.jpg" in capsys.readouterr().err
    assert not (workplace / "embeds.npy").exists()


def test_of_many_images_the_broken_one_is_named_and_left_out(workplace, capsys):
    assert run("encode", "faces/face0.png", "broken.jpg", "faces/face3.png") == 1
    assert "broken.jpg" in capsys.readouterr().err
    assert np.load("embeds.npy").shape == (2, 6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "nowhere.png"], "No such image or folder: nowhere.png"),
        (["encode", "empty"], "No image in the folder empty"),
        (["encode", "faces", "--run", "runs/none"], "No such run or file: runs/none"),
        (["encode", "faces", "--run", "runs/bare"], "No model in the run runs/bare"),
        (["compare", "faces/face0.png", "broken.jpg"], "broken.jpg"),
        (["compare", "faces/face0.png", "faces/face3.png", "--sim", "cosin"], "cos"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(workplace, capsys, caplog, arguments, message):
    caplog.set_level(logging.ERROR, logger="tensorflow")  # which tells of models made before
    (workplace / "empty").mkdir()
    (workplace / "runs/bare").mkdir()
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_compare_prints_each_measure_with_threshold_and_verdict(workplace, capsys):
    model = weights_hash(keras.saving.load_model("runs/tiny/embedder.keras"))
    thresholds = {"set": "x", "model": model, "distance_below": {"cos": 0.1, "diff": 5.0}}
    (workplace / "runs/tiny/thresholds.json").write_text(json.dumps(thresholds))
    assert run("compare", "faces/face0.png", "faces/face3.png") == 0
    lines = {line.split()[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    left, right = expected(["faces/face0.png", "faces/face3.png"])
    assert float(lines["cos"][1]) == pytest.approx(left @ right, abs=1e-4)
    assert float(lines["diff"][1]) == pytest.approx(((left - right) ** 2).sum(), abs=1e-4)
    assert lines["diff"][-1] == "same"
    assert lines["cos"][-1] == ("same" if 1 - left @ right < 0.1 else "different")
    assert "unknown" in lines["ssim"][4]


def test_compare_knows_no_threshold_of_other_weights(workplace, capsys):
    thresholds = {"set": "x", "model": "another's", "distance_below": {"cos": 0.1}}
    (workplace / "runs/tiny/thresholds.json").write_text(json.dumps(thresholds))
    assert run("compare", "faces/face0.png", "faces/face3.png", "--sim", "cos") == 0
    assert "unknown" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["{", "[]", '{"model": 1}'])
def test_damaged_thresholds_are_one_line(workplace, capsys, monkeypatch, caplog, content):
    caplog.set_level(logging.ERROR, logger="tensorflow")  # which tells of models made before
    monkeypatch.setattr("framl_keras.models.weights_hash.weights_hash", lambda _: 1)
    (workplace / "runs/tiny/thresholds.json").write_text(content)
    assert run("compare", "faces/face0.png", "faces/face3.png", "--sim", "cos") == 2
    said = capsys.readouterr().err
    assert "thresholds.json: not a run's thresholds" in said
    assert "Delete it; framl-keras calibrate finds others" in said
    assert said.count("\n") == 1
