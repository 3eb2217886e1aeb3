"""Recall@k, R-precision and MAP@R, beside a slow reading of their definitions."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import framl_keras as fk
from framl_keras.cli.retrieve import command
from framl_keras.errors import UserError
from framl_keras.evaluation import retrieval as module
from framl_keras.evaluation.retrieval import retrieval


def slow(vectors, classes, ks):
    """By loops, over unit vectors without ties."""
    recall, precision, average = {k: [] for k in ks}, [], []
    for query, own in enumerate(classes):
        others = [i for i in range(len(classes)) if i != query]
        mates = sum(classes[i] == own for i in others)
        if not mates:
            continue
        others.sort(key=lambda i: -float(vectors[i] @ vectors[query]))
        hits = [classes[i] == own for i in others]
        for k in ks:
            recall[k].append(any(hits[:k]))
        precision.append(sum(hits[:mates]) / mates)
        average.append(sum(sum(hits[: i + 1]) / (i + 1) for i in range(mates) if hits[i]) / mates)
    return {k: np.mean(v) for k, v in recall.items()}, np.mean(precision), np.mean(average)


def world(seed, sizes):
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = rng.normal(size=(len(sizes), 8))[classes] + rng.normal(size=(len(classes), 8))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), classes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [[5] * 8, [1, 2, 3, 9, 1, 20], [2] * 30, [40]])
@pytest.mark.parametrize("at_a_time", [1, 1 << 25])
def test_rates_are_those_of_their_definitions(seed, sizes, at_a_time, monkeypatch):
    monkeypatch.setattr(module, "_VALUES", at_a_time)
    vectors, classes = world(seed, sizes)
    ks = [1, 3, len(classes) - 1]
    found = retrieval(vectors, classes, ks)
    recall, precision, average = slow(vectors, classes, ks)
    assert found.recall == pytest.approx(recall, abs=1e-12)
    assert (found.r_precision, found.map_at_r) == pytest.approx((precision, average), abs=1e-12)
    assert (found.queries, found.alone) == (len(classes) - sizes.count(1), sizes.count(1))


@pytest.mark.parametrize("similarity", fk.list_similarities())
@pytest.mark.parametrize("norm", [1e-3, 1, 1e3])
def test_every_similarity_finds_what_is_equal_but_for_noise(similarity, norm):
    rng = np.random.default_rng(0)
    classes = np.repeat(["a", "b", "c"], 4)
    vectors = rng.normal(size=(3, 32)).repeat(4, axis=0) + 0.01 * rng.normal(size=(12, 32))
    found = retrieval(norm * vectors, classes, [1], similarity)
    assert (found.recall[1], found.map_at_r) == (1, 1)


def test_vectors_that_are_all_alike_find_nothing():
    found = retrieval(np.ones((6, 4)), [0, 0, 0, 1, 1, 1], [1, 3, 5])
    assert found.recall == {1: 0, 3: 0, 5: 1}
    assert found.r_precision == 0


def test_unknown_classes_are_found_but_not_looked_for():
    vectors = [[1, 0.0], [1, 0.01], [1, 0.02], [0, 1], [0.01, 1]]
    found = retrieval(vectors, [3, -1, 3, -1, -1], [1, 2])
    assert (found.queries, found.alone) == (2, 3)
    assert found.recall == {1: 0, 2: 1}


WRONG = {
    "nobody twice": ((np.eye(3), [0, 1, 2], [1]), "No class has two images"),
    "k of 0": ((np.eye(3), [0, 0, 1], [0]), "`ks`: expected whole numbers from 1 to 2"),
    "k beyond": ((np.eye(3), [0, 0, 1], [3]), "from 1 to 2. Received: 3"),
    "no k": ((np.eye(3), [0, 0, 1], []), "one number at least"),
    "fewer classes": ((np.eye(3), [0, 0], [1]), "identities"),
    "no vectors": ((np.zeros((0, 4)), [], [1]), "vectors"),
    "NaN": ((np.full((2, 2), np.nan), [0, 0], [1]), "vectors"),
    "a similarity": ((np.eye(3), [0, 0, 1], [1], "cosine"), "cosine"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_looked_for(kind):
    arguments, message = WRONG[kind]
    with pytest.raises(UserError, match=message):
        retrieval(*arguments)


def test_python_and_the_command_agree(tmp_path, monkeypatch):
    import keras

    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(1)
    for name in "abc":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for shot in range(3):
            pixels = rng.integers(256, size=(8, 8, 3), dtype=np.uint8)
            keras.utils.save_img(tmp_path / "photos" / name / f"{shot}.png", pixels, scale=False)
    pixels = keras.Input((8, 8, 3))
    model = keras.Model(pixels, keras.layers.Flatten()(pixels))
    fk.Embedder(model).save("mine.keras")

    found = fk.retrieve("mine.keras", "photos", ks=[1, 2])

    arguments = ["photos", "--run", "mine.keras", "--k", "2", "--k", "1"]
    said = CliRunner().invoke(command, [*arguments, "--json"])
    assert json.loads(said.stdout) == json.loads(json.dumps(found.to_dict()))
    text = CliRunner().invoke(command, arguments).stdout
    assert "recall@1 %" in text
    assert "9 images, each looked for among all others." in text
