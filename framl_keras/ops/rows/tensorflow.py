"""Rows of TensorFlow's variables, in place."""

from typing import Any

import tensorflow as tf

from framl_keras.ops.rows import copy

Tensor = Any


def take_rows(variable: Any, rows: Tensor) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, giving `(m, dim)`.

    A variable that was read as a whole is copied before it is written to.
    """
    return tf.gather(variable.value, rows)


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    stored = variable.value
    if not isinstance(stored, tf.Variable):  # a stateless call: nothing may change
        copy.assign_rows(variable, rows, values)
        return
    stored.scatter_nd_update(rows[:, None], values)
