"""Writing rows in place with TensorFlow."""

from typing import Any

import tensorflow as tf

from framl_keras.ops.rows import copy

Tensor = Any


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    stored = variable.value
    if not isinstance(stored, tf.Variable):  # a stateless call: nothing may change
        copy.assign_rows(variable, rows, values)
        return
    stored.scatter_nd_update(rows[:, None], values)
