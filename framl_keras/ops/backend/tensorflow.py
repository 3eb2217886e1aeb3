"""TensorFlow, which runs operations in any order and takes transposition as an argument."""

from typing import Any

import tensorflow as tf

from framl_keras.ops.backend import plain
from framl_keras.ops.backend.plain import subtract_rows

Tensor = Any

__all__ = [
    "after",
    "assign_rows",
    "circular_correlation",
    "first_largest",
    "left_transposed",
    "right_transposed",
    "subtract_rows",
    "take_rows",
]


def after(value: Tensor, earlier: Tensor) -> Tensor:
    """A value whose use waits until another has been computed: a control dependency."""
    with tf.control_dependencies([earlier]):
        return tf.identity(value)


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = tf.signal.rfft(a, [length]) * tf.math.conj(tf.signal.rfft(b, [length]))
    return tf.signal.irfft(spectrum, [length])


def first_largest(x: Tensor) -> Tensor:
    """The largest number `(...)` of each row `(..., n)`; the gradient goes to the first.

    Keras' own `argmax` looks at single bits, which no export format has.
    """
    return tf.squeeze(tf.math.top_k(x, k=1).values, axis=-1)


def left_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a.T @ b`, `(k, m), (k, n) -> (m, n)`."""
    return tf.matmul(a, b, transpose_a=True)


def right_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b.T`, `(m, k), (n, k) -> (m, n)`."""
    return tf.matmul(a, b, transpose_b=True)


def take_rows(variable: Any, rows: Tensor) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, giving `(m, dim)`.

    A variable that was read as a whole is copied before it is written to.
    """
    return tf.gather(variable.value, rows)


def assign_rows(variable: Any, rows: Tensor, values: Tensor) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`, in place."""
    stored = variable.value
    if not isinstance(stored, tf.Variable):  # a stateless call: nothing may change
        plain.assign_rows(variable, rows, values)
        return
    stored.scatter_nd_update(rows[:, None], values)
