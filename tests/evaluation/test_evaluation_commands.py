"""The commands on a small run: images of made-up people and a model that projects them."""

import json
import re

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from faces import pairs_of_faces

from framl_keras.cli.calibrate import command as calibrate
from framl_keras.cli.compare_runs import command as compare_runs
from framl_keras.cli.eval import command as evaluate
from framl_keras.cli.identify import command as identify
from framl_keras.errors import UserError
from framl_keras.evaluation.calibration import read_calibrations

RECIPE = """
name: small
data: {{train: {faces}, people: [1, 2], test: held-out, image_size: 16}}
model: {{backbone: MobileNetV2}}
"""


def _write_faces(folder):
    rng = np.random.default_rng(0)
    for person in range(10):
        face = rng.integers(60, 200, size=(16, 16, 3))
        (folder / f"person-{person}").mkdir(parents=True)
        for number in range(4):
            image = np.clip(face + rng.normal(0, 25, face.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"person-{person}" / f"{number}.png"), image)


def _write_run(folder, faces, seed):
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Flatten(),
            keras.layers.Dense(24),
        ]
    )
    folder.mkdir(parents=True)
    model.save(folder / "embedder.keras")
    (folder / "recipe.yaml").write_text(RECIPE.format(faces=faces))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with faces and two runs."""
    folder = tmp_path_factory.mktemp("place")
    _write_faces(folder / "faces")
    _write_run(folder / "runs" / "one", folder / "faces", seed=1)
    _write_run(folder / "runs" / "two", folder / "faces", seed=2)
    return folder


def _call(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_eval_of_the_newest_run_prints_a_table_and_names_its_report(place, monkeypatch):
    monkeypatch.chdir(place)
    output = _call(evaluate, "--sim", "cos", "--sim", "ssim", "--no-plots")
    assert len(re.findall(r"^held-out +(cos|ssim|cos, raw pixels) +exact", output, re.M)) == 3
    page = place / re.search(r"Report: (.*report\.html)", output)[1]
    assert page.parent.parent == place / "runs" / "two" / "reports"
    facts = json.loads((page.parent / "results.json").read_text())["facts"]
    assert facts["backend"] in facts["versions"]
    assert len(facts["weights"]) == 32
    assert set(facts["data"]) == {"held-out"}


def test_calibrate_stores_what_compare_needs(place):
    output = _call(calibrate, "--run", place / "runs" / "one", "--far", "0.01")
    assert "48 same-pairs and 448 different-pairs, 4 of which" in output
    stored = read_calibrations(place / "runs" / "one")
    assert len(stored) == 6
    assert stored["diff"].threshold == pytest.approx(2 * stored["cos"].threshold, rel=1e-9)


def test_compare_runs_tests_two_runs_or_two_similarities(place):
    runs = place / "runs"
    output = _call(compare_runs, runs / "one", runs / "two")
    assert re.search(r"B - A  accuracy .*resampled identities", output)
    output = _call(compare_runs, runs / "one", "--sim", "cos", "--sim", "diff")
    assert re.search(r"B - A  auc +\+0\.0000 .*p = 1\.000", output)
    with pytest.raises(UserError, match="Nothing to compare with"):
        _call(compare_runs, runs / "one")


def test_identify_finds_people_in_a_gallery(place):
    run = ["--run", place / "runs" / "one"]
    output = _call(identify, *run, "--strangers", "0.25", "--out", place / "cmc")
    assert [cv2.imread(str(path)).shape for path in (place / "cmc").glob("*.png")] == [
        (720, 960, 3)
    ]
    assert "6 in the gallery, 18 probes of theirs, 8 of strangers" in output
    rank = float(re.search(r"rank-1 +([\d.]+) %", output)[1])
    assert rank > 50  # a guess has 17
    output = _call(identify, place / "faces", place / "faces", *run)
    assert "40 in the gallery, 40 probes" in output
    assert "rank-1   100.00 %" in output


def test_ready_embeddings_need_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    embeddings, is_same = pairs_of_faces(60)
    np.savez(tmp_path / "lfw.npz", embeddings=embeddings, is_same=is_same)
    output = _call(
        evaluate, "--embeddings", "lfw.npz", "--sim", "all", "--protocol", "both", "--no-plots"
    )
    first_part = output.partition("\n\n")[0]
    assert len(re.findall(r"^lfw ", first_part, re.M)) <= 8  # the three correlations share rows
    assert "corr = fft_corr = direct_corr" in first_part
    assert max(map(len, output.splitlines())) <= 80
    assert re.search(r"Report: reports/.*/report\.html", output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sim", "cosin"], "Unknown similarity 'cosin'.*Did you mean 'cos'"),
        (["--protocol", "exakt"], "Unknown protocol 'exakt'"),
        (["--run", "nowhere"], "No such run or file: nowhere"),
        (["--embeddings", "nowhere.npz"], "No such file: nowhere.npz"),
        (["--embeddings", "x.npz", "--run", "y"], "Leave out --run"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        _call(evaluate, *arguments)
    assert "\n" not in str(error.value)
