"""Writing rows by a functional update."""

from typing import Any

from keras import ops

Tensor = Any


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    variable.assign(ops.scatter_update(ops.convert_to_tensor(variable), rows[:, None], values))
