"""JAX: its compiler reorders a program and computes equal values once.

Under jit, writing rows copies nothing, since the variable's memory is given away.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
from jax import numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from framl_keras.ops.backend import plain
from framl_keras.ops.backend.plain import (
    all_rows,
    arctan2,
    channel_prelu,
    check_one_device,
    checked_in_graph,
    class_share,
    first_largest,
    left_transposed,
    max_of_classes,
    right_transposed,
    scaled_channels,
    share_of_rows,
    shares_of_rows,
    subtract_rows,
    sum_of_classes,
    sum_of_shares,
)

Tensor = Any

_shard_map: Callable[..., Any] = getattr(jax, "shard_map", None) or (
    importlib.import_module("jax.experimental.shard_map").shard_map  # before JAX 0.6
)

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
    """A value whose use waits until another has been computed."""
    return jax.lax.optimization_barrier((value, earlier))[0]


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = jnp.fft.rfft(a, length) * jnp.conj(jnp.fft.rfft(b, length))
    return jnp.fft.irfft(spectrum, length)


def in_turn(turns: int, size: int, length: int, function: Callable[..., Any], start: Any) -> Any:
    """A loop of the program, which cannot compute blocks side by side."""

    def turn(number: Tensor, start: Any) -> Any:
        return function(jnp.minimum(number * size, length - size), number * size, start)

    return jax.lax.fori_loop(0, turns, turn, start)


def rows_in_turn(
    turns: int, size: int, length: int, function: Callable[..., Any], start: Any, rows: Tensor
) -> tuple[Any, Tensor]:
    """The loop, which writes its rows in place."""

    def turn(first: Tensor, new: Tensor, made: Any) -> Any:
        start, all_rows = made
        start, part = function(first, new, start)
        before = jax.lax.dynamic_slice_in_dim(all_rows, first, size, axis=1)
        return start, jax.lax.dynamic_update_slice_in_dim(all_rows, before + part, first, axis=1)

    made: tuple[Any, Tensor] = in_turn(turns, size, length, turn, (start, jnp.zeros_like(rows)))
    return made


def pullback(
    function: Callable[..., Tensor], arguments: tuple[Tensor, ...]
) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """A function's value, and from a gradient of it to those of the arguments."""
    result: tuple[Tensor, Callable[[Tensor], Any]] = jax.vjp(function, *arguments)
    return result


def class_shards() -> int:
    """How many devices share a head's rows under a training's distribution, or else one."""
    return getattr(keras.distribution.distribution(), "class_shards", 1)


def is_concrete(tensor: Tensor) -> bool:
    """Whether a tensor has values, all of them in this process."""
    if isinstance(tensor, jax.core.Tracer):
        return False
    return not isinstance(tensor, jax.Array) or tensor.is_fully_addressable


def take_columns(values: Tensor, columns: Tensor) -> Tensor:
    """The value of each row `(batch, n)` at its column; a sum where devices share the columns."""
    if class_shards() == 1:
        return plain.take_columns(values, columns)
    is_it = jnp.arange(values.shape[1], dtype="int32") == columns[:, None]
    return jnp.sum(jnp.where(is_it, values, 0), axis=1)


def marked(keys: Tensor, labels: Tensor, mark: float) -> Tensor:
    """Keys `(blocks, n)` with a mark at each label; devices mark in their own blocks."""
    if class_shards() == 1:
        return plain.marked(keys, labels, mark)
    blocks, size = keys.shape
    here = labels - jnp.arange(blocks, dtype="int32")[:, None] * size
    here = jnp.where((here >= 0) & (here < size) & (labels >= 0), here, size)
    keys = jax.lax.with_sharding_constraint(keys, NamedSharding(*_by_rows()))
    return jax.vmap(lambda row, some: row.at[some].set(mark, mode="drop"))(keys, here)


def largest_columns(keys: Tensor, count: int) -> Tensor:
    """Where the largest of each row are; each device looks at its own rows."""
    if class_shards() == 1:
        return plain.largest_columns(keys, count)
    mesh, rows = _by_rows()
    look = functools.partial(plain.largest_columns, count=count)
    return _shard_map(look, mesh=mesh, in_specs=rows, out_specs=rows)(keys)


def _by_rows() -> tuple[Mesh, PartitionSpec]:
    """Where devices have rows of classes."""
    distribution = keras.distribution.distribution()
    assert distribution is not None
    return distribution.device_mesh.backend_mesh, PartitionSpec(distribution.batch_dim_name)


def place_among(classes: Tensor, labels: Tensor) -> Tensor:
    """The place of each label `(batch,)` among ascending classes `(m,)`; -1 where it is not."""
    if class_shards() == 1:
        return plain.place_among(classes, labels)
    places = jnp.arange(1, classes.shape[0] + 1, dtype="int32")
    return jnp.sum(jnp.where(classes == labels[:, None], places, 0), axis=1, dtype="int32") - 1


def take_rows(variable: Any, rows: Tensor, blocks: int = 1) -> Tensor:
    """Reads `rows` `(m,)` of a variable `(n, dim)`, each block in its block."""
    if blocks == 1:
        return plain.take_rows(variable, rows)
    table, places = _in_blocks(variable, rows, blocks)
    return jax.vmap(lambda block, some: block[some])(table, places).reshape(rows.size, -1)


def assign_rows(variable: Any, rows: Tensor, values: Tensor, blocks: int = 1) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable, each block to its block."""
    if blocks == 1:
        plain.assign_rows(variable, rows, values)
        return
    table, places = _in_blocks(variable, rows, blocks)
    new = jnp.reshape(values, (*places.shape, -1))
    written = jax.vmap(lambda block, some, made: block.at[some].set(made))(table, places, new)
    variable.assign(jnp.reshape(written, variable.shape))


def _in_blocks(variable: Any, rows: Tensor, blocks: int) -> tuple[Tensor, Tensor]:
    """A variable as `(blocks, n, dim)`, and rows of it as places within their blocks."""
    table = jnp.reshape(jnp.asarray(variable.value), (blocks, -1, variable.shape[1]))
    starts = jnp.arange(blocks, dtype="int32") * table.shape[1]
    return table, jnp.reshape(rows, (blocks, -1)) - starts[:, None]


def held_rows(variable: Any) -> list[tuple[int, int, Callable[[int, int], np.ndarray]]]:
    """The rows on this process' devices, each of which has others."""

    def reader(first: int, shard: jax.Array) -> Callable[[int, int], np.ndarray]:
        return lambda low, high: np.asarray(shard[low - first : high - first])

    held = []
    for shard in variable.value.addressable_shards:
        rows = shard.index[0]
        first, last = rows.start or 0, rows.stop or variable.shape[0]
        if shard.replica_id == 0:
            held.append((first, last, reader(first, shard.data)))
    return held


def whole_rows(variable: Any, first: int, last: int) -> np.ndarray:
    """Some rows of a variable that each device has whole."""
    return np.asarray(variable.value)[first:last]


def fill_rows(variable: Any, make: Callable[[int, int], np.ndarray]) -> None:
    """Writes the rows that this process' devices have."""
    dtype = variable.value.dtype

    def rows_at(index: Any) -> np.ndarray:
        first, last = index[0].start or 0, index[0].stop or variable.shape[0]
        return np.asarray(make(first, last), dtype)

    place = variable.value.sharding
    variable.assign(jax.make_array_from_callback(tuple(variable.shape), place, rows_at))
