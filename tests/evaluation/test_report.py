import json
import re

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from framl_keras.data.pairs import PairSet
from framl_keras.data.sources import Sample
from framl_keras.data.view import View
from framl_keras.evaluation import Judging, evaluate, format_table
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.report import facts_of, write_report
from framl_keras.evaluation.report.curves import label_decades, thinned
from framl_keras.evaluation.report.hardest import hardest_pairs
from framl_keras.evaluation.roc import roc_curve

NAME = "a <b> & $set$"


class Projection:
    def predict_on_batch(self, pixels):
        matrix = np.random.default_rng(0).normal(size=(pixels[0].size, 16))
        return (pixels.reshape(len(pixels), -1) - 127.0) @ matrix


@pytest.fixture(scope="module")
def evaluated():
    rng = np.random.default_rng(0)
    identities = np.repeat(np.arange(6), 3)
    faces = rng.integers(256, size=(6, 32, 32, 3))[identities]
    pixels = np.clip(faces + rng.normal(0, 90, faces.shape), 0, 255).astype(np.uint8)
    samples = [
        Sample(cv2.imencode(".png", image)[1].tobytes(), int(who), f"<i>{row}.png")
        for row, (image, who) in enumerate(zip(pixels, identities, strict=True))
    ]
    pairs, is_same = identity_pairs(identities)
    pair_set = PairSet(NAME, samples, pairs, is_same)
    results = evaluate(
        Projection(),
        [pair_set],
        View(32),
        similarities=("cos", "ssim"),
        judging=Judging("both"),
        progress=False,
    )
    return results, [pair_set]


def test_the_table_has_a_line_for_each_result_and_says_where_rates_stop(evaluated):
    table = format_table(evaluated[0])
    first_part = table.partition("\n\n")[0]
    assert len(re.findall(r"^a <b>", first_part, re.M)) == 6  # two similarities, raw pixels; twice
    assert max(map(len, table.splitlines())) <= 80
    assert "18 same-pairs and 135 different-pairs of 6 identities" in table
    assert "thresholds chosen anew 200 times" in table.replace("\n", " ")
    assert "cos, raw pixels" in table
    text = table.replace("\n", " ")
    assert "135 different-pairs tell false accept rates down to 7.4e-03 only" in text
    assert "the grid alone" in text


def test_a_report_is_complete_and_stands_alone(evaluated, tmp_path):
    results, pair_sets = evaluated
    page = write_report(tmp_path, results, pair_sets, facts_of(run="runs/<x>"))
    text = page.read_text(encoding="utf-8")
    assert text.count("data:image/svg+xml;base64,") == 4
    assert text.count("data:image/png;base64,") == 1
    assert not re.search(r"<script|<link|https?:|src=\"(?!data:)", text)
    assert "<b>" not in text
    assert "<i>" not in text
    assert "&lt;b&gt; &amp; $set$" in text
    names = {file.name for file in tmp_path.iterdir()}
    for plot in ("roc", "det", "scores", "confusion", "hardest"):
        assert {f"a_b_set_-{plot}.png", f"a_b_set_-{plot}.svg"} <= names


def test_the_numbers_are_json_that_any_reader_takes(evaluated, tmp_path):
    results, pair_sets = evaluated
    write_report(tmp_path, results, pair_sets, facts_of(), plots=False)
    refuse = pytest.fail  # NaN and Infinity are not JSON
    content = json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    first = content["results"][0]
    assert first["accuracy"]["mean"] == results[0].accuracy
    assert len(first["folds"]) == 10
    assert [test["second"] for test in content["tests"]] == ["model, ssim", "raw pixels, cos"]
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as scores:
        distance = scores[f"{NAME}/model/cos/exact"]
    np.testing.assert_array_equal(distance, results[0].verification.distance)


def test_the_hardest_pairs_are_the_farthest_same_and_the_nearest_different():
    distance = np.array([0.1, 0.9, 0.5, 0.2, 0.8, 0.3])
    is_same = np.array([True, True, True, False, False, False])
    assert hardest_pairs(distance, is_same, 2).tolist() == [1, 2, 3, 5]


def test_a_thinned_curve_keeps_its_ends_and_lies_on_the_curve():
    rng = np.random.default_rng(0)
    is_same = rng.random(50_000) < 0.5
    roc = roc_curve(rng.normal(size=50_000) + ~is_same, is_same)
    fpr, tpr = thinned(roc)
    assert len(fpr) <= 2000
    assert (fpr[-1], tpr[-1]) == (1, 1)
    assert fpr[1] == roc.fpr[roc.fpr > 0][0]
    on_curve = {*zip(roc.fpr, roc.tpr, strict=True)}
    assert all(point in on_curve for point in zip(fpr[1:], tpr[1:], strict=True))


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (2e-3, 1.05, {"1 %", "10 %", "100 %"}),
        (2e-4, 1.05, {"0.1 %", "1 %", "10 %", "100 %"}),
        (2e-6, 1.05, {f"$10^{{{power}}}$" for power in range(-5, 1)}),
        (0.02, 0.3, {"2 %", "5 %", "10 %", "20 %"}),
    ],
)
def test_each_decade_of_an_axis_has_its_own_label(low, high, labels):
    axes = Figure().add_subplot()
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    label_decades(axes.xaxis)
    ticks = [*axes.get_xticklabels(), *axes.get_xticklabels(minor=True)]
    shown = [t.get_text() for t in ticks if t.get_text() and low <= t.get_position()[0] <= high]
    assert labels <= set(shown)
    assert len(shown) == len(set(shown))
