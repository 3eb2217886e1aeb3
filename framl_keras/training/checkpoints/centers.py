"""The class centers that a run has learned."""

from collections.abc import Mapping

import numpy as np

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.embedder_file import facts_in
from framl_keras.training.checkpoints.folder import Checkpoints

_HEAD = "model/head/"


def head_of(run: RunDirectory) -> Mapping[str, np.ndarray]:
    """The weights of a run's head by their names, as they were with its embedder; empty if none.

    They are those of the checkpoint with the embedder's step, or else the newest.
    """
    checkpoints, step = Checkpoints(run.checkpoints, {}), facts_in(run.embedder).get("step")
    checkpoint = checkpoints.of_step(step) or checkpoints.newest()
    return head_in(checkpoint) if checkpoint else {}


def head_in(checkpoint: Checkpoint) -> Mapping[str, np.ndarray]:
    """The weights of the head in a checkpoint by their names."""
    arrays = checkpoint.arrays
    return {name.removeprefix(_HEAD): a for name, a in arrays.items() if name.startswith(_HEAD)}


def centers_of(run: RunDirectory) -> np.ndarray:
    """A run's centers, `(sub_centers, num_classes, dim)`.

    With a `sample_rate` below 1 the last step's gradient is not in them yet.

    Raises:
        UserError: if the run has no centers, or no checkpoint to read them from.
    """
    section, classes = run.recipe().model, len(run.class_names())
    if section.head == "softmax":
        raise UserError(f"{run.path}: `head: softmax` has no centers. Expected `head: arcface`.")
    head = head_of(run)
    if "kernel" not in head:
        raise UserError(
            f"{run.checkpoints}: no checkpoint to read the centers from. Train the run again."
        )
    return head["kernel"].reshape(section.sub_centers, classes, -1)
