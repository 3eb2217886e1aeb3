"""JAX: its compiler reorders a program and computes equal values once.

Under jit, writing rows copies nothing, since the variable's memory is given away.
"""

from typing import Any

import jax
import keras
from jax import numpy as jnp

from framl_keras.ops.backend.plain import (
    all_rows,
    arctan2,
    assign_rows,
    channel_prelu,
    check_one_device,
    checked_in_graph,
    first_largest,
    left_transposed,
    right_transposed,
    scaled_channels,
    share_of_rows,
    shares_of_rows,
    subtract_rows,
    sum_of_shares,
    take_rows,
)

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
    "first_largest",
    "is_concrete",
    "left_transposed",
    "right_transposed",
    "scaled_channels",
    "share_of_rows",
    "shares_of_rows",
    "subtract_rows",
    "sum_of_shares",
    "take_rows",
]


def after(value: Tensor, earlier: Tensor) -> Tensor:
    """A value whose use waits until another has been computed."""
    return jax.lax.optimization_barrier((value, earlier))[0]


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = jnp.fft.rfft(a, length) * jnp.conj(jnp.fft.rfft(b, length))
    return jnp.fft.irfft(spectrum, length)


def class_shards() -> int:
    """How many devices share a head's rows under a training's distribution, or else one."""
    return getattr(keras.distribution.distribution(), "class_shards", 1)


def is_concrete(tensor: Tensor) -> bool:
    """Whether a tensor has values, all of them in this process."""
    if isinstance(tensor, jax.core.Tracer):
        return False
    return not isinstance(tensor, jax.Array) or tensor.is_fully_addressable
