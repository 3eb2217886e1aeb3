"""What every backend can do, by `keras.ops` alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from framl_keras.ops.dft import circular_correlation

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


def after(value: Tensor, earlier: Tensor) -> Tensor:
    """The value itself: the order of the program is kept."""
    return value


def all_rows(rows: Tensor) -> Tensor:
    """The rows themselves: one program has them all."""
    return rows


def first_largest(x: Tensor) -> Tensor:
    """The largest number `(...)` of each row `(..., n)`; the gradient goes to the first."""
    place = ops.argmax(x, axis=-1, keepdims=True)
    return ops.squeeze(ops.take_along_axis(x, place, axis=-1), axis=-1)


def left_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a.T @ b`, `(k, m), (k, n) -> (m, n)`."""
    return ops.matmul(ops.transpose(a), b)  # a view, or left to the compiler


def right_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b.T`, `(m, k), (n, k) -> (m, n)`."""
    return ops.matmul(a, ops.transpose(b))


def subtract_rows(a: Tensor, rows: Tensor, factors: Tensor) -> Tensor:
    """`a - factors[:, None] * rows`."""
    return a - factors[:, None] * rows  # in place of one of the two, too


def take_columns(values: Tensor, columns: Tensor) -> Tensor:
    """The value of each row `(batch, n)` at its column, int32 `(batch,)`."""
    return ops.squeeze(ops.take_along_axis(values, columns[:, None], axis=1), axis=1)


def take_rows(variable: Any, rows: Tensor, blocks: int = 1) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, giving `(m, dim)`."""
    return ops.take(ops.convert_to_tensor(variable), rows, axis=0)


def assign_rows(variable: Any, rows: Tensor, values: Tensor, blocks: int = 1) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`."""
    variable.assign(ops.scatter_update(ops.convert_to_tensor(variable), rows[:, None], values))


def check_one_device(what: str) -> None:
    """Refuses nothing."""


def class_shards() -> int:
    """One: no device has a part of a kernel."""
    return 1


def class_share() -> tuple[int, int]:
    """The first of one: the program has all classes."""
    return 0, 1


def sum_of_classes(values: Tensor) -> Tensor:
    """The values: the program has all classes."""
    return values


def max_of_classes(values: Tensor) -> Tensor:
    """The values, without gradient."""
    return ops.stop_gradient(values)


def largest_columns(keys: Tensor, count: int) -> Tensor:
    """Where the largest of each row `(blocks, n)` are, ascending, int32 `(blocks, count)`."""
    _, places = ops.top_k(keys, count, sorted=False)
    return ops.sort(ops.cast(places, "int32"))


def marked(keys: Tensor, labels: Tensor, mark: float) -> Tensor:
    """Keys `(blocks, n)` with a mark at each label, counted through all blocks; -1 is none."""
    # Rows without a label go to one place more, which is cut off.
    flat = ops.concatenate([ops.reshape(keys, (-1,)), ops.zeros((1,), keys.dtype)])
    places = ops.where(labels < 0, keys.shape[0] * keys.shape[1], labels)
    marks = ops.full_like(places, mark, dtype=keys.dtype)
    flat = ops.scatter_update(flat, places[:, None], marks)
    return ops.reshape(flat[:-1], keys.shape)


def place_among(classes: Tensor, labels: Tensor) -> Tensor:
    """The place of each label `(batch,)` among ascending classes `(m,)`; -1 where it is not."""
    places = ops.cast(ops.searchsorted(classes, labels), "int32")
    places = ops.minimum(places, classes.shape[0] - 1)
    return ops.where(ops.equal(ops.take(classes, places, axis=0), labels), places, -1)


def in_turn(turns: int, size: int, length: int, function: Callable[..., Any], start: Any) -> Any:
    """One call after the other."""
    for turn in range(turns):
        new = turn * size
        start = function(min(new, length - size), new, start)
    return start


def rows_in_turn(
    turns: int, size: int, length: int, function: Callable[..., Any], start: Any, rows: Tensor
) -> tuple[Any, Tensor]:
    """One call after the other, and its rows beside those before."""
    parts = []
    for turn in range(turns):
        new = turn * size
        first = min(new, length - size)
        start, part = function(first, new, start)
        parts.append(part[:, new - first :])
    return start, ops.concatenate(parts, axis=1)


def pullback(
    function: Callable[..., Tensor], arguments: tuple[Tensor, ...]
) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """A function's value: `keras.ops` has no gradients."""

    def back(upstream: Tensor) -> Any:
        raise NotImplementedError("This backend has no gradients.")

    return function(*arguments), back


def held_rows(variable: Any) -> list[tuple[int, int, Callable[[int, int], np.ndarray]]]:
    """All rows."""
    return [(0, variable.shape[0], lambda first, last: whole_rows(variable, first, last))]


def whole_rows(variable: Any, first: int, last: int) -> np.ndarray:
    """Some rows of a variable."""
    return np.asarray(ops.convert_to_numpy(ops.convert_to_tensor(variable)[first:last]))


def fill_rows(variable: Any, make: Callable[[int, int], np.ndarray]) -> None:
    """Writes all rows."""
    variable.assign(make(0, variable.shape[0]))


def is_concrete(tensor: Tensor) -> bool:
    """True: tensors have values."""
    return True


def checked_in_graph(value: Tensor, condition: Tensor, message: str, shown: Tensor) -> Tensor:
    """The value: such a graph cannot raise."""
    return value


def arctan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle of `(x, y)`."""
    return ops.arctan2(y, x)


def share_of_rows() -> int:
    """The first: one program has all rows."""
    return 0


def shares_of_rows() -> int:
    """One."""
    return 1


def sum_of_shares(values: Tensor) -> Tensor:
    """The values."""
    return values


def scaled_channels(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """`x * scale + shift` with a number a channel, `(batch, ..., channels)`."""
    return x * scale + shift


def channel_prelu(x: Tensor, slope: Tensor) -> Tensor:
    """x where it is positive, else `slope * x`, with a slope a channel (the last axis)."""
    return ops.maximum(x, 0) + slope * ops.minimum(x, 0)
