"""What the tests of training ask of a run, and how they vary its recipe."""

import contextlib
import csv
import importlib.metadata
import os
import signal

import keras
import numpy as np
import pytest

import framl_keras.training.train as training
from framl_keras.runs.checkpoint import load_checkpoint


def changed(recipe, **sections):
    content = recipe.model_dump()
    for name, values in sections.items():
        content[name] = {**content[name], **values} if isinstance(values, dict) else values
    return type(recipe).model_validate(content)


def final_state(run):
    newest = sorted(run.checkpoints.glob("step-*"))[-1]
    return dict(load_checkpoint(newest).arrays)


def log_of(run):
    with (run.logs / "training.csv").open() as file:
        return [
            {k: v for k, v in row.items() if k != "images_per_second"}
            for row in csv.DictReader(file)
        ]


def assert_same_state(left, right, atol=0.0, rtol=0.0):
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_allclose(left[name], right[name], rtol=rtol, atol=atol, err_msg=name)


def assert_modes_agree(fit, eager):
    """Compares the ends of a run in `fit` and one in `eager`, bit by bit."""
    for name in [name for name in fit if name.startswith("metrics/")]:
        # Shown losses alone may be rounded otherwise: where they are summed, or by JAX' compiler.
        np.testing.assert_allclose(fit.pop(name), eager.pop(name), rtol=3e-6, err_msg=name)
    # On TensorFlow oneDNN splits some sums otherwise if it has several threads.
    several = os.environ.get("TF_NUM_INTRAOP_THREADS") != "1" and os.cpu_count() != 1
    backend = keras.backend.backend()
    tolerance = 1e-5 if backend == "tensorflow" and several else 0.0
    if backend == "jax" and _is_old_jax():
        tolerance = 1e-4
    assert_same_state(fit, eager, atol=tolerance, rtol=tolerance)


def _is_old_jax():
    """Whether its compiler rounds a step in a loop otherwise than one alone."""
    return tuple(map(int, importlib.metadata.version("jax").split(".")[:2])) < (0, 5)


class SignalAt(keras.callbacks.Callback):
    """Stands for Ctrl-C during a step."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def ctrl_c_during(step):
    """Sends SIGINT during a step, counted from where the training begins."""
    press = SignalAt(step)

    def with_press(run_epoch):
        return lambda *arguments: run_epoch(*arguments[:-1], [press, *arguments[-1]])

    with pytest.MonkeyPatch.context() as patch:
        for mode, run_epoch in dict(training.MODES).items():
            patch.setitem(training.MODES, mode, with_press(run_epoch))
        yield
