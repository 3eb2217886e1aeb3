"""TensorFlow: it runs operations in any order and transposes inside of a product."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from framl_keras.ops.backend import plain
from framl_keras.ops.backend.plain import (
    channel_prelu,
    class_shards,
    class_share,
    fill_rows,
    held_rows,
    in_turn,
    largest_columns,
    marked,
    max_of_classes,
    place_among,
    rows_in_turn,
    scaled_channels,
    subtract_rows,
    sum_of_classes,
    take_columns,
    whole_rows,
)
from framl_keras.ops.row_share import row_share

Tensor = Any

__all__ = [
    "after",
    "all_rows",
    "arctan2",
    "assign_rows",
    "channel_prelu",
    "check_one_device",
    "checked_in_graph",
    "circular_correlation",
    "class_shards",
    "class_share",
    "fill_rows",
    "first_largest",
    "held_rows",
    "in_turn",
    "is_concrete",
    "largest_columns",
    "left_transposed",
    "marked",
    "max_of_classes",
    "place_among",
    "pullback",
    "right_transposed",
    "rows_in_turn",
    "scaled_channels",
    "share_of_rows",
    "shares_of_rows",
    "subtract_rows",
    "sum_of_classes",
    "sum_of_shares",
    "take_columns",
    "take_rows",
    "whole_rows",
]


def all_rows(rows: Tensor) -> Tensor:
    """The rows of all replicas that share a batch; gradients flow back to each."""
    return rows if shares_of_rows() == 1 else _context().all_gather(rows, axis=0)


def share_of_rows() -> Tensor:
    """This replica's share."""
    return 0 if shares_of_rows() == 1 else _context().replica_id_in_sync_group


def shares_of_rows() -> int:
    """How many replicas share a batch; one outside of them."""
    shares = row_share().shares
    return 1 if shares == 1 or _context() is None else shares


def sum_of_shares(values: Tensor) -> Tensor:
    """The sum over replicas."""
    if shares_of_rows() == 1:
        return values
    return _context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _context() -> Any:
    return tf.distribute.get_replica_context()


def after(value: Tensor, earlier: Tensor) -> Tensor:
    """A value whose use waits until another has been computed: a control dependency."""
    with tf.control_dependencies([earlier]):
        return tf.identity(value)


def pullback(
    function: Callable[..., Tensor], arguments: tuple[Tensor, ...]
) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """A function's value, and from a gradient of it to those of the arguments."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(arguments)
        value = function(*arguments)
    zero = tf.UnconnectedGradients.ZERO
    return value, lambda upstream: tape.gradient(value, arguments, upstream, zero)


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


def take_rows(variable: Any, rows: Tensor, blocks: int = 1) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, giving `(m, dim)`.

    A variable that was read as a whole is copied before it is written to.
    """
    return tf.gather(variable.value, rows)


def assign_rows(variable: Any, rows: Tensor, values: Tensor, blocks: int = 1) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`, in place."""
    stored = variable.value
    if not isinstance(stored, tf.Variable):  # a stateless call: nothing may change
        plain.assign_rows(variable, rows, values)
        return
    stored.scatter_nd_update(rows[:, None], values)


def check_one_device(what: str) -> None:
    """Refuses each `tf.distribute` strategy but that of one device: its variables have no rows."""
    strategy = tf.distribute.get_strategy()
    plain_variables = isinstance(strategy, tf.distribute.OneDeviceStrategy)
    if tf.distribute.has_strategy() and not plain_variables:
        raise ValueError(
            f"{what} writes rows of a variable, which works on one device and not under a "
            "distribution strategy; train all classes there, or without a strategy. "
            f"Received: {type(strategy).__name__} with {strategy.num_replicas_in_sync} replica(s)"
        )


def is_concrete(tensor: Tensor) -> bool:
    """Whether a tensor has values, which one of a graph does not have yet."""
    return bool(tf.executing_eagerly()) and not tf.is_symbolic_tensor(tensor)


def checked_in_graph(value: Tensor, condition: Tensor, message: str, shown: Tensor) -> Tensor:
    """A value whose use in a graph raises unless a condition holds; XLA drops the check."""
    if tf.executing_eagerly():
        return value
    with tf.control_dependencies([tf.debugging.Assert(condition, [message, shown], 100)]):
        return tf.identity(value)


def arctan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle of `(x, y)`."""
    return tf.math.atan2(y, x)
