from collections import namedtuple

import pytest
from small_runs import assert_same_state, changed, final_state
from test_train import ctrl_c_during

from framl_keras.errors import UserError
from framl_keras.evaluation import SIMILARITIES
from framl_keras.recipe import TrainSection
from framl_keras.runs.checkpoint import load_checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.callbacks import verification
from framl_keras.training.callbacks.goal import Goal
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

        monkeypatch.setattr("framl_keras.training.train.VerifyBetweenEpochs", Verify)

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
        (run.checkpoints / later).unlink()
    train(changed(recipe, train={"verify_every": 1}), run)
    assert load_checkpoint(run.checkpoints / "best.ckpt").facts["step"] == 2


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
