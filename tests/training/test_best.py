import json
import shutil
from collections import namedtuple

import keras
import numpy as np
import pytest
from small_runs import assert_same_state, changed, final_state
from test_train import ctrl_c_during

from framl_keras.api.train import Run
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation import SIMILARITIES, evaluate
from framl_keras.recipe import TrainSection
from framl_keras.runs import RunDirectory, open_embedder
from framl_keras.runs.checkpoint import load_checkpoint
from framl_keras.runs.thresholds import read_thresholds
from framl_keras.training.callbacks import verification
from framl_keras.training.callbacks.verification import Goal
from framl_keras.training.checkpoints.centers import head_of
from framl_keras.training.train import train

Numbers = namedtuple("Numbers", "accuracy auc eer d_prime")
Line = namedtuple("Line", "set_name similarity accuracy verification")


def line(set_name="held-out", similarity="cos", accuracy=0.5, auc=0.5, eer=0.5, d_prime=0.0):
    numbers = Numbers(accuracy, auc, eer, d_prime)
    return Line(set_name, similarity, accuracy, numbers)


@pytest.fixture
def verified(monkeypatch):
    """Lets verifications give these cosine accuracies, one after the other, by epoch."""

    def give(accuracies):
        def evaluate(embedder, *_, **__):
            step = embedder.step()
            return [line(accuracy=accuracies[step // 2 - 1])]

        monkeypatch.setattr(verification, "evaluate", evaluate)

        class Verify(verification.VerifyBetweenEpochs):
            def verify(self, model, progress):
                self.embedder.step = lambda: progress.step
                super().verify(model, progress)

        monkeypatch.setattr("framl_keras.training.from_recipe.VerifyBetweenEpochs", Verify)

    return give


def impatient(recipe, patience):
    settings = {"epochs": 6, "verify_every": 1, "early_stop": {"patience": patience}}
    return changed(recipe, train=settings)


@pytest.mark.parametrize(
    ("patience", "last", "best"), [(1, 4, 2), (2, 10, 6), (3, 12, 6)], ids=["1", "2", "3"]
)
def test_a_run_stops_when_it_no_longer_becomes_better(recipe, verified, patience, last, best):
    """Two steps an epoch; the third epoch is the best, after a dip in the second."""
    verified([0.6, 0.5, 0.7, 0.7, 0.6, 0.5])
    run = RunDirectory("runs/tiny")
    trained = train(impatient(recipe, patience), run)
    assert not trained.interrupted
    assert sorted(run.checkpoints.glob("step-*"))[-1].stem == f"step-{last:09d}"
    facts = load_checkpoint(run.checkpoints / "best.ckpt").facts
    assert (facts["step"], facts["score"]) == (best, 0.6 if best == 2 else 0.7)
    assert run.embedder.exists()


def test_a_resumed_run_stops_where_the_straight_one_does(recipe, verified):
    verified([0.6, 0.5, 0.7, 0.7, 0.6, 0.5])
    recipe = impatient(recipe, 2)
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight)
    with ctrl_c_during(7):
        assert train(recipe, stopped).interrupted
    for _ in range(2):  # once more finds nothing left to do
        assert not train(recipe, stopped).interrupted
        assert_same_state(final_state(stopped), final_state(straight))


def test_the_best_is_saved_even_if_the_run_was_killed_before_its_verification(recipe, verified):
    verified([0.9, 0.5, 0.5])
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(3):
        train(changed(recipe, train={"verify_every": 1}), run)
    for later in ("best.ckpt", "step-000000003.ckpt"):
        shutil.rmtree(run.checkpoints / later)
    train(changed(recipe, train={"verify_every": 1}), run)
    assert load_checkpoint(run.checkpoints / "best.ckpt").facts["step"] == 2


def weights_at(run, step):
    return load_checkpoint(run.checkpoints / f"step-{step:09d}.ckpt").arrays


@pytest.mark.parametrize("stop", [{"best_by": "cos accuracy"}, {"early_stop": {"patience": 1}}])
def test_a_run_delivers_the_best_where_one_is_chosen(recipe, verified, stop, caplog):
    verified([0.6, 0.7, 0.5, 0.5, 0.5, 0.5])
    run = RunDirectory("runs/tiny")
    settings = {"epochs": 3, "verify_every": 1, "keep": 9, **stop}
    with caplog.at_level("INFO"):
        trained = train(changed(recipe, train=settings), run)
    assert "the state after step 4 of 6, the best by `cos accuracy` (0.7000)" in caplog.text
    assert "chosen on held-out, a test set" in caplog.text
    opened = open_embedder(run.path)
    assert opened.step == trained.facts["step"] == 4
    assert opened.weights == open_embedder(run.checkpoints / "best.ckpt").weights
    kernel = keras.ops.convert_to_numpy(trained.embedder.get_layer("tiny").get_layer("conv").kernel)
    np.testing.assert_array_equal(kernel, weights_at(run, 4)["model/conv/kernel"])
    assert not np.array_equal(kernel, weights_at(run, 6)["model/conv/kernel"])
    head = head_of(run)["kernel"]  # centers go with the embedder
    np.testing.assert_array_equal(head, weights_at(run, 4)["model/head/kernel"])


def test_without_a_choice_the_last_state_is_delivered(recipe, verified):
    verified([0.6, 0.5, 0.5])
    trained = train(changed(recipe, train={"verify_every": 1}), RunDirectory("runs/tiny"))
    assert trained.facts["step"] == 6
    assert "selection" not in trained.facts


def test_the_last_epoch_is_a_candidate_too(recipe, verified):
    verified([0, 0.6, 0.9])
    settings = {"verify_every": 2, "best_by": "cos accuracy"}
    trained = train(changed(recipe, train=settings), RunDirectory("runs/tiny"))
    assert trained.facts["step"] == 6


@pytest.mark.parametrize(("step", "delivered"), [(1, 1), (3, 2), (5, 2)])
def test_an_interrupted_run_delivers_the_best_so_far(recipe, verified, step, delivered):
    verified([0.9, 0.5, 0.5])
    chosen = changed(recipe, train={"verify_every": 1, "best_by": "cos accuracy"})
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(step):
        assert train(chosen, run).interrupted
    assert open_embedder().step == delivered
    assert open_embedder().facts["interrupted"]
    assert train(chosen, run).facts["step"] == 2
    assert not open_embedder().facts["interrupted"]


def test_what_is_verified_is_what_is_delivered(recipe):
    """Statistics averaged anew count in the choice, and leave the training as it was."""
    run, plain = RunDirectory("runs/tiny"), RunDirectory("runs/plain")
    precise = changed(recipe, train={"precise_batch_norm": 2, "verify_every": 1})
    chosen = changed(precise, train={"best_by": "diff auc"})
    trained = train(chosen, run)
    train(precise, plain)
    assert_same_state(final_state(run), final_state(plain))
    best = load_checkpoint(run.checkpoints / "best.ckpt")
    results = evaluate(
        trained.embedder, trained.choice_sets, View(16), similarities=["diff"], baseline=False
    )
    assert results[0].verification.auc == pytest.approx(best.facts["score"], abs=1e-12)
    assert trained.facts["selection"]["value"] == best.facts["score"]


@pytest.mark.parametrize("killed", ["before embedder.keras", "after the interrupted one"])
def test_a_run_killed_at_its_very_end_only_delivers(recipe, verified, killed, monkeypatch):
    verified([0.9, 0.5, 0.5])
    chosen = changed(recipe, train={"verify_every": 1, "best_by": "cos accuracy"})
    run = RunDirectory("runs/tiny")
    if killed == "after the interrupted one":
        with ctrl_c_during(3):
            train(chosen, run)
    with monkeypatch.context() as patch:
        patch.setattr("framl_keras.training.train.settle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(chosen, run)
    index = run.checkpoints / "step-000000006.ckpt" / "index.json"
    last = index.read_bytes()
    assert train(chosen, run).facts["step"] == 2
    assert index.read_bytes() == last
    assert not list(run.path.parent.glob("tiny.before-*"))


def test_a_damaged_best_is_told_and_chosen_anew(recipe, verified, caplog):
    verified([0.9, 0.5, 0.7])
    chosen = changed(recipe, train={"verify_every": 1, "best_by": "cos accuracy"})
    run = RunDirectory("runs/tiny")
    with ctrl_c_during(3):
        train(chosen, run)
    (run.checkpoints / "best.ckpt" / "index.json").write_bytes(b"{")
    assert train(chosen, run).facts["step"] == 6
    assert "The best is chosen anew" in caplog.text


SPLITS = {
    "by position": {"train": [1, 3], "validation": [4, 5]},
    "at random": {"fraction": 0.4, "validation": 0.4},
}


OTHERS = [View(20), View(16, True), View(16, channels=1), View(16, aspect_ratio="pad")]


@pytest.mark.parametrize("people", SPLITS.values(), ids=SPLITS)
def test_choices_are_made_on_validation(recipe, people, monkeypatch):
    asked = []

    def spy(embedder, pair_sets, view, **options):
        asked.append([pairs.name for pairs in pair_sets])
        return evaluate(embedder, pair_sets, view, **options)

    monkeypatch.setattr(verification, "evaluate", spy)
    recipe = changed(recipe, data={"people": people, "test": {}})
    recipe = changed(recipe, train={"best_by": "cos auc", "epochs": 2, "verify_every": 1})
    trained = train(recipe, RunDirectory("runs/tiny"))
    assert asked == [["validation"]] * 2
    assert trained.facts["selection"]["on"] == "validation"
    assert not trained.facts["selection"]["on_test"]
    results = Run(trained.run.path).results
    assert "the best by `cos auc`" in results.notes[0]
    assert "There is no test set" in results.notes[1]
    thresholds = json.loads((trained.run.path / "thresholds.json").read_text())
    assert thresholds["set"] == "validation"
    assert (thresholds["embedding"], thresholds["image_size"]) == ("fused", 16)
    weights = open_embedder().weights
    assert set(read_thresholds(trained.run.path, weights, View(16))) == set(SIMILARITIES)
    for other in (("x", View(16)), *((weights, seen) for seen in OTHERS)):
        assert read_thresholds(trained.run.path, *other) == {}


def test_thresholds_come_from_validation_and_the_table_from_the_test(recipe):
    orl = {"train": "orl", "people": {"train": [1, 3], "validation": [4, 6], "test": [7, 9]}}
    recipe = changed(recipe, data=orl, train={"epochs": 1})
    trained = train(recipe, RunDirectory("runs/tiny"))
    sets = [*trained.pair_sets, *trained.choice_sets]
    assert [pairs.name for pairs in sets] == ["held-out", "validation"]
    assert [list(pairs.images.class_names) for pairs in sets] == [
        ["s7", "s8", "s9"],
        ["s4", "s5", "s6"],
    ]
    results = Run(trained.run.path).results
    assert {result.set_name for result in results} == {"held-out"}
    assert results.notes[1].endswith("are chosen on validation.")


def test_a_choice_without_a_set_ends_before_training(recipe):
    missing = {"test": "nowhere/lfw.bin", "people": [1, 3]}
    choosing = changed(recipe, data=missing, train={"best_by": "cos auc"})
    with pytest.raises(UserError, match=r"train\.best_by: there is no verification set"):
        train(choosing, RunDirectory("runs/tiny"))


def test_every_similarity_and_metric_can_decide():
    for similarity in SIMILARITIES:
        assert TrainSection(best_by=f"{similarity} auc").best_by == f"{similarity} auc"
    lines = [line(), line("lfw", "ssim", eer=0.2, d_prime=3.0), line("lfw", "cos", auc=0.9)]
    names = ["held-out", "lfw"]
    assert Goal("cos accuracy", names).score(lines) == 0.5
    assert Goal("lfw cos auc", names).score(lines) == 0.9
    assert Goal("lfw ssim d_prime", names).score(lines) == 3.0
    assert Goal("lfw ssim eer", names).score(lines) == -0.2  # lower is better


def test_a_set_that_is_not_there_is_named(recipe):
    other = changed(recipe, train={"best_by": "lfw cos auc"})
    with pytest.raises(
        UserError, match="no verification set 'lfw' is there\\. Expected one of held"
    ):
        train(other, RunDirectory("runs/tiny"))


def test_the_best_by_a_real_verification(recipe):
    run = RunDirectory("runs/tiny")
    train(changed(recipe, train={"best_by": "ssim eer", "epochs": 2}), run)
    assert -1.0 <= load_checkpoint(run.checkpoints / "best.ckpt").facts["score"] <= 0.0
