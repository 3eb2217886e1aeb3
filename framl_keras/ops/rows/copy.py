"""Rows by functions that change nothing."""

from typing import Any

from keras import ops

Tensor = Any


def take_rows(variable: Any, rows: Tensor) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, giving `(m, dim)`."""
    return ops.take(ops.convert_to_tensor(variable), rows, axis=0)


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    variable.assign(ops.scatter_update(ops.convert_to_tensor(variable), rows[:, None], values))
