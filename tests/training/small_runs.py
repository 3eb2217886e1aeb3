"""What the tests of training ask of a run, and how they vary its recipe."""

import csv

import numpy as np

from framl_keras.training.checkpoint import load_checkpoint


def changed(recipe, **sections):
    content = recipe.model_dump()
    for name, values in sections.items():
        content[name] = {**content[name], **values} if isinstance(values, dict) else values
    return type(recipe).model_validate(content)


def final_state(run):
    newest = sorted(run.checkpoints.glob("step-*"))[-1]
    return load_checkpoint(newest).arrays


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
