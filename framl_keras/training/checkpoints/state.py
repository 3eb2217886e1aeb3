"""A model's and its optimizer's state as named NumPy arrays, the same on every backend."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.keras_internals import weights_were_put
from framl_keras.runs.checkpoint import Part, StoredArrays
from framl_keras.training.class_rows import ClassRows, Rows

_METRICS = "metrics/"


def read_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Weights, optimizer and metric states of a compiled, built training model.

    Where several processes share rows of classes, those of others are zero.
    """
    rows = ClassRows(model)
    arrays: dict[str, np.ndarray] = {}
    for name, variable in _named_variables(model):
        array = np.zeros(rows.shape_of(variable), np.dtype(variable.dtype))
        for part in rows.parts(name, variable, leads=True):
            array[slice(part.first, part.last) if part.shape else ...] = part.read(
                part.first, part.last
            )
        arrays[name] = array
    return arrays


def parts_of_state(model: keras.Model, leads: bool = True) -> Iterator[Part]:
    """What this process has of the state, and is the one to save.

    Args:
        model: a compiled, built training model.
        leads: whether the process saves what all have.
    """
    rows = ClassRows(model)
    for name, variable in _named_variables(model):
        yield from rows.parts(name, variable, leads)


def numbers_of(variable: keras.Variable) -> np.ndarray:
    """A copy of a variable's numbers, also of one that is mirrored on several devices."""
    return np.array(keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable)))


def write_state(model: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Puts back the weights and optimizer states that `read_state` gave.

    Raises:
        UserError: if a variable is missing, left over, or of another shape.
    """
    variables = {name: v for name, v in _named_variables(model) if not name.startswith(_METRICS)}
    names = {name for name in arrays if not name.startswith(_METRICS)}
    remedy = "Use the recipe that it was made with."
    if variables.keys() != names:
        missing, surplus = sorted(variables.keys() - names), sorted(names - variables.keys())
        raise UserError(
            f"The checkpoint is of another model: it lacks {missing[:5]}, and has {surplus[:5]} "
            f"besides. {remedy}"
        )
    rows = ClassRows(model)
    for name, variable in variables.items():
        if rows.shape_of(variable) != (shape := _shape_of(arrays, name)):
            raise UserError(
                f"The checkpoint is of another model: {name} has shape {shape}, expected "
                f"{rows.shape_of(variable)}. {remedy}"
            )
    for name, variable in variables.items():
        rows.put(variable, _rows_of(arrays, name))
    weights_were_put(model)


def _shape_of(arrays: Mapping[str, np.ndarray], name: str) -> tuple[int, ...]:
    """An array's shape, which does not take reading it."""
    return arrays.shape_of(name) if isinstance(arrays, StoredArrays) else arrays[name].shape


def _rows_of(arrays: Mapping[str, np.ndarray], name: str) -> Rows:
    """What gives rows of an array; a stored one is read no further than asked for."""

    def rows(first: int, last: int) -> np.ndarray:
        if isinstance(arrays, StoredArrays) and arrays.shape_of(name):
            return arrays.rows(name, first, last)
        array = arrays[name]
        return array[first:last] if array.ndim else array

    return rows


class RestoreMetrics(keras.callbacks.Callback):
    """Puts the metrics' states back when an epoch is resumed, since `fit` clears them.

    Args:
        arrays: what `read_state` gave in the middle of the epoch.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__()
        self.arrays: Mapping[str, np.ndarray] | None = arrays

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Restores once, at the first epoch that begins."""
        if self.arrays is not None:
            for name, variable in _named_variables(self.model):
                if name.startswith(_METRICS):
                    variable.assign(self.arrays[name])
        self.arrays = None


def _named_variables(model: keras.Model) -> Iterable[tuple[str, keras.Variable]]:
    """Every variable under a name that does not depend on the backend."""
    for variable in model.variables:
        yield f"model/{variable.path}", variable
    for position, variable in enumerate(model.optimizer.variables):
        yield f"optimizer/{position:04d}/{variable.name}", variable
    for position, variable in enumerate(model.metrics_variables):
        yield f"{_METRICS}{position:04d}/{variable.name}", variable
