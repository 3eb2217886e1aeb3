"""A model's and its optimizer's state as named NumPy arrays, the same on every backend."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.models.rows_of_classes import RowsOfClasses

_METRICS = "metrics/"


def read_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Weights, optimizer and metric states of a compiled, built training model."""
    rows = RowsOfClasses(model)
    return {
        name: rows.without_padding(variable, numbers_of(variable))
        for name, variable in _named_variables(model)
    }


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
    rows = RowsOfClasses(model)
    for name, variable in variables.items():
        if rows.shape_of(variable) != arrays[name].shape:
            raise UserError(
                f"The checkpoint is of another model: {name} has shape {arrays[name].shape}, "
                f"expected {rows.shape_of(variable)}. {remedy}"
            )
    for name, variable in variables.items():
        variable.assign(rows.padded(variable, arrays[name]))


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
