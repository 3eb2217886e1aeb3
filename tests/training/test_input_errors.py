"""What goes wrong in the input path surfaces as itself, wherever `fit` runs it."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from small_runs import assert_same_state, changed, final_state

from framl_keras.cli.group import main
from framl_keras.data.batches import TrainingBatches
from framl_keras.errors import UserError
from framl_keras.runs import RunDirectory
from framl_keras.training.from_recipe import class_sizes
from framl_keras.training.steps import whole_after_error
from framl_keras.training.train import train

# Until Keras 3.13 JAX' `fit` reads a batch before the last one's step.
OLD_KERAS = tuple(map(int, keras.version().split(".")[:2])) < (3, 13)
READ_AHEAD = int(OLD_KERAS and keras.backend.backend() == "jax")


class OwnError(Exception):
    """Stands for a bug in a user's own augmentation."""


ERRORS = {
    "damaged image": UserError("faces/3.png: not a readable image. Remove or replace it."),
    "memory": MemoryError("no room for a batch"),
    "disk": OSError(5, "Input/output error", "faces/3.png"),
    "augmentation": OwnError("a bug"),
    "key": KeyError("label"),
    "end": StopIteration(),
    "value": ValueError("shapes (2,) and (3,)"),
}
LAST = 18  # three epochs of six steps


@pytest.fixture
def broken(monkeypatch):
    """Lets the input path raise an error at a batch, counted from 1."""
    whole = TrainingBatches.__getitem__

    def break_at(batch, error):
        def get(self, index):
            if int(index) == batch - 1:
                raise error
            return whole(self, index)

        monkeypatch.setattr(TrainingBatches, "__getitem__", get)

    yield break_at
    monkeypatch.undo()


@pytest.fixture
def small(recipe):
    return changed(recipe, train={"batch_size": 4, "verify_every": 0})


STRAIGHT: dict[str, dict] = {}  # a mode's last state, which all cases of it are compared with


def straight_state(recipe, mode):
    if mode not in STRAIGHT:
        train(recipe, RunDirectory("runs/straight"), mode)
        STRAIGHT[mode] = final_state(RunDirectory("runs/straight"))
    return STRAIGHT[mode]


@pytest.mark.parametrize(("mode", "batch"), [("fit", 1), ("fit", 7), ("fit", LAST), ("eager", 7)])
def test_the_users_error_is_one_line_and_the_state_is_kept(small, broken, mode, batch):
    straight, run = straight_state(small, mode), RunDirectory("runs/tiny")
    broken(batch, ERRORS["damaged image"])
    with pytest.raises(UserError, match="not a readable image") as said:
        train(small, run, mode)
    assert said.value is ERRORS["damaged image"]
    assert said.value.__cause__ is None
    saved = [int(path.stem[5:]) for path in run.checkpoints.glob("step-*")]
    whole = batch - 1 if whole_after_error else (batch - 1) // 6 * 6
    assert whole - READ_AHEAD <= max(saved, default=0) <= whole
    broken(0, None)
    train(small, run, mode)
    assert_same_state(final_state(run), straight)


@pytest.mark.parametrize("kind", ERRORS)
def test_every_kind_is_itself(small, broken, kind):
    broken(3, ERRORS[kind])
    expected = RuntimeError if kind == "end" else type(ERRORS[kind])
    with pytest.raises(expected) as raised:
        train(small, RunDirectory("runs/tiny"))
    assert kind == "end" or raised.value is ERRORS[kind]


def test_the_command_ends_with_one_line_and_status_2(small, broken, capsys):
    with open("recipe.yaml", "w") as file:
        file.write(small.to_yaml())
    broken(3, ERRORS["damaged image"])
    with pytest.raises(SystemExit) as end:
        main(["train", "recipe.yaml"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"framl-keras: {ERRORS['damaged image']}"
    assert "Traceback" not in said
    kept = any(f"Kept the state after step {2 - ahead}" in said for ahead in (0, READ_AHEAD))
    assert kept == whole_after_error


@pytest.mark.parametrize("label", [3, 12, -5])
def test_a_label_of_no_identity_is_named(small, monkeypatch, label):
    whole = TrainingBatches.__getitem__

    def get(self, index):
        pixels, labels = whole(self, index)
        labels[0] = label if index == 4 else labels[0]
        return pixels, labels

    monkeypatch.setattr(TrainingBatches, "__getitem__", get)
    with pytest.raises(UserError, match=f"label {label} is not within 0 to 2"):
        train(small, RunDirectory("runs/tiny"))


@pytest.mark.parametrize("wrong", [-1, -7, 3, 2**40])
def test_only_labels_of_identities_are_counted(wrong):
    source = SimpleNamespace(labels=np.array([0, 2, 2, wrong]), class_names=["a", "b", "c"])
    assert class_sizes(source).tolist() == [1, 0, 2]
