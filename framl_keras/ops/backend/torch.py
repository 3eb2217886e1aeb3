"""Torch: it keeps the program's order and can write in place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from framl_keras.ops.backend import plain
from framl_keras.ops.backend.plain import (
    after,
    check_one_device,
    checked_in_graph,
    in_turn,
    largest_columns,
    marked,
    place_among,
    take_columns,
    take_rows,
    whole_rows,
)
from framl_keras.ops.backend.torch_collectives import (
    max_over_processes,
    rows_of_processes,
    sum_over_processes,
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
    """The rows of all processes that share a batch; gradients flow back to each."""
    return rows if row_share().shares == 1 else rows_of_processes(rows)


def share_of_rows() -> int:
    """This process' share."""
    return row_share().place


def shares_of_rows() -> int:
    """How many processes share a batch."""
    return row_share().shares


def sum_of_shares(values: Tensor) -> Tensor:
    """The sum over processes."""
    return values if row_share().shares == 1 else sum_over_processes(values)


def class_shards() -> int:
    """How many processes share a head's classes: those that share a batch."""
    return row_share().shares


def class_share() -> tuple[int, int]:
    """This process' share."""
    return row_share()


def sum_of_classes(values: Tensor) -> Tensor:
    """The sum over processes."""
    return sum_of_shares(values)


def max_of_classes(values: Tensor) -> Tensor:
    """The largest over processes."""
    return values.detach() if row_share().shares == 1 else max_over_processes(values)


def held_rows(variable: Any) -> list[tuple[int, int, Callable[[int, int], np.ndarray]]]:
    """All rows of this process' variable, which come after those of the processes before."""
    first, count = _first_row(variable), variable.shape[0]

    def read(low: int, high: int) -> np.ndarray:
        with torch.no_grad():
            return variable.value[low - first : high - first].cpu().numpy()

    return [(first, first + count, read)]


def fill_rows(variable: Any, make: Callable[[int, int], np.ndarray]) -> None:
    """Writes all rows of this process' variable."""
    first = _first_row(variable)
    variable.assign(make(first, first + variable.shape[0]))


def _first_row(variable: Any) -> int:
    return row_share().place * int(variable.shape[0])


def rows_in_turn(
    turns: int, size: int, length: int, function: Callable[..., Any], start: Any, rows: Tensor
) -> tuple[Any, Tensor]:
    """One call after the other, whose rows are written in place."""
    made = torch.empty_like(rows)
    for turn in range(turns):
        new = turn * size
        first = min(new, length - size)
        start, part = function(first, new, start)
        made[:, new : first + size] = part[:, new - first :]
    return start, made


def pullback(
    function: Callable[..., Tensor], arguments: tuple[Tensor, ...]
) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """A function's value, and from a gradient of it to those of the arguments."""
    with torch.enable_grad():
        leaves = [argument.detach().requires_grad_() for argument in arguments]
        value = function(*leaves)

    def back(upstream: Tensor) -> list[Tensor]:
        gradients = torch.autograd.grad(value, leaves, upstream, allow_unused=True)
        pairs = zip(gradients, leaves, strict=True)
        return [torch.zeros_like(leaf) if each is None else each for each, leaf in pairs]

    return value.detach(), back


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = torch.fft.rfft(a, length) * torch.conj(torch.fft.rfft(b, length))
    return torch.fft.irfft(spectrum, length)


def first_largest(x: Tensor) -> Tensor:
    """The largest number `(...)` of each row `(..., n)`; the gradient goes to the first.

    `take_along_dim`, which Keras calls, has no form in ONNX, and `gather` only one of fixed
    size in OpenVINO; where no gradient is asked for the plain maximum is the same.
    """
    if not (x.requires_grad and torch.is_grad_enabled()):
        return torch.amax(x, dim=-1)
    return torch.gather(x, -1, torch.argmax(x, dim=-1, keepdim=True)).squeeze(-1)


def subtract_rows(a: Tensor, rows: Tensor, factors: Tensor) -> Tensor:
    """`a - factors[:, None] * rows`, in the memory of `a`, which is lost."""
    return a.addcmul_(rows, factors[:, None], value=-1)


def assign_rows(variable: Any, rows: Tensor, values: Tensor, blocks: int = 1) -> None:
    """Writes `values` `(m, dim)` to `rows` `(m,)` of a variable `(n, dim)`, in place."""
    stored = variable.value
    if not isinstance(stored, torch.nn.Parameter):  # a stateless call: nothing may change
        plain.assign_rows(variable, rows, values)
        return
    with torch.no_grad():
        stored.index_copy_(0, rows.long(), values)


def is_concrete(tensor: Tensor) -> bool:
    """Whether a tensor has values: not while Torch compiles, nor on its meta device."""
    return not torch.compiler.is_compiling() and tensor.device.type != "meta"


def arctan2(y: Tensor, x: Tensor) -> Tensor:
    """The angle of `(x, y)`; Keras' own rounds float64 to float32."""
    return torch.atan2(y, x)


def left_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a.T @ b`, `(k, m), (k, n) -> (m, n)`; Keras' own rounds float64 to float32."""
    return a.T @ b


def right_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b.T`, `(m, k), (n, k) -> (m, n)`."""
    return a @ b.T


def scaled_channels(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """`x * scale + shift` with a number a channel, `(batch, ..., channels)`, in one pass.

    As a batch norm it stays one operation in an exported graph too.
    """
    zeros, ones = torch.zeros_like(scale), torch.ones_like(scale)
    made = torch.nn.functional.batch_norm(_to_first(x), zeros, ones, scale, shift, eps=0.0)
    return _to_last(made)


def channel_prelu(x: Tensor, slope: Tensor) -> Tensor:
    """x where it is positive, else `slope * x`, with a slope a channel, in one pass."""
    return _to_last(torch.nn.functional.prelu(_to_first(x), slope))


def _to_first(x: Tensor) -> Tensor:
    """`(batch, ..., channels)` seen as `(batch, channels, ...)`; nothing moves in memory."""
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1))


def _to_last(x: Tensor) -> Tensor:
    """`(batch, channels, ...)` seen as `(batch, ..., channels)`."""
    return x.permute(0, *range(2, x.ndim), 1)
