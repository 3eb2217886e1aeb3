"""The first steps of a recipe on one backend, kept to be compared with another's.

Run as a process of its own, since a process has one backend:

    python -m framl_keras.training.parity.first_steps RECIPE MODE STEPS PRECISION OUTPUT
"""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.keras_internals import keep_float64, layers_within
from framl_keras.recipe import Recipe
from framl_keras.runs.checkpoint import SUFFIX, load_checkpoint, save_parts
from framl_keras.runs.identities import open_training_source
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.checkpoints.state import parts_of_state, read_state, write_state
from framl_keras.training.distribution import ONE_DEVICE, Devices, placed, rows_of
from framl_keras.training.steps import gradients
from framl_keras.training.train import MODES, build_models, stream


class NoteLoss(keras.callbacks.Callback):
    """Keeps the loss of each step; an epoch of one step has its mean for it."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes one."""
        self.losses.append(float((logs or {})["loss"]))


def first_steps(
    recipe: Recipe,
    mode: str,
    steps: int,
    double: bool = False,
    devices: Devices = ONE_DEVICE,
) -> dict[str, np.ndarray]:
    """Trains `steps` steps.

    Args:
        recipe: what to train.
        mode: `fit` or `eager`.
        steps: how many.
        double: whether to compute all in float64, see `compute_in_float64`.
        devices: what they are trained on.

    Returns:
        `loss`, one a step; under `start/` the first batch and the state before, under
        `gradient/` the first step's gradients on one device, under `end/` the state after.
    """
    if double:
        compute_in_float64()
        recipe = _in_double(recipe)
    source, rows = open_training_source(recipe), rows_of(recipe.train.batch_size, devices)
    progress = Progress(len(source), recipe.train.batch_size, recipe.train.epochs)
    with devices.scope():
        _, model = build_models(recipe, source, progress.total_steps)
        if double:
            keep_numbers_exact(model)
        devices.share(model)
        start, note = read_state(model), NoteLoss()
        pixels, labels = next(stream(source, recipe, 0, rows))
        first_gradients = gradients_of(model, pixels, labels) if devices.count == 1 else {}
        write_state(model, start)  # taking gradients moves the batch statistics
        batches = placed(stream(source, recipe, 0, rows), devices, mode)
        for _ in range(steps):
            MODES[mode](model, batches, 0, 1, [note])
        return {
            "loss": np.array(note.losses),
            **_under("start", {"pixels": pixels, "labels": labels, **_trained(start)}),
            **_under("gradient", first_gradients),
            **_under("end", _trained(_whole_state(model, devices))),
        }


def _whole_state(model: keras.Model, devices: Devices) -> dict[str, np.ndarray]:
    """The state, also where no process has all of it: by a checkpoint that all write."""
    if devices.processes == 1:
        return read_state(model)
    path = Path(tempfile.gettempdir()) / f"framl-keras-{os.getppid()}" / f"state{SUFFIX}"
    save_parts(path, {}, parts_of_state(model, devices.writes), devices)
    return dict(load_checkpoint(path, devices).arrays)


def gradients_of(
    model: keras.Model, pixels: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """The gradient of each trainable variable, by its path."""
    tensor, label = keras.ops.convert_to_tensor(pixels), keras.ops.convert_to_tensor(labels)
    result = gradients(model, keras.ops.cast(tensor, "float32"), label)
    paths = [variable.path for variable in model.trainable_variables]
    return {
        path: keras.ops.convert_to_numpy(gradient)
        for path, gradient in zip(paths, result.gradients, strict=True)
    }


def _in_double(recipe: Recipe) -> Recipe:
    """The recipe with a precision that none can ask for."""
    return recipe.model_copy(
        update={"train": recipe.train.model_copy(update={"precision": "float64"})}
    )


def _trained(state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights and optimizer states, without the metrics' sums."""
    return {name: array for name, array in state.items() if not name.startswith("metrics/")}


def _under(part: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {f"{part}/{name}": array for name, array in arrays.items()}


def main(recipe: str, mode: str, steps: str, precision: str, output: str) -> None:
    """Writes the first steps to an `.npz` file; the user's errors are one line and status 2."""
    try:
        arrays = first_steps(Recipe.load(recipe), mode, int(steps), precision == "float64")
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    np.savez(Path(output), **arrays)  # type: ignore[arg-type]


def compute_in_float64() -> None:
    """Lets the whole process compute in float64, which Keras otherwise makes float32.

    For comparing backends only: it takes several times as long, and the process
    cannot go back. Call it before any model is built. JAX must have been started
    with `JAX_ENABLE_X64=1`.
    """
    keep_float64()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")


def keep_numbers_exact(model: keras.Model) -> None:
    """Keeps TensorFlow from rounding the numbers that a compiled model is set up with.

    It casts Python's numbers to float32 before anything else, but not NumPy's.
    """
    layers = layers_within(model)
    scalings = [layer for layer in layers if isinstance(layer, keras.layers.Rescaling)]
    penalties = [v.regularizer for v in model.trainable_variables if v.regularizer]
    for part in [*scalings, *penalties, model.optimizer]:
        for name, value in list(vars(part).items()):
            if type(value) is float:
                setattr(part, name, np.float64(value))


if __name__ == "__main__":
    main(*sys.argv[1:])
