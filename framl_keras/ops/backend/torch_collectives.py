"""Sums and rows over all processes, through which gradients flow.

Their gradients are those of the sum of all processes' losses.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import distributed

Tensor = Any


class _Sum(torch.autograd.Function):
    """The sum over processes; what one adds counts in the losses of all."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.detach().clone()
        distributed.all_reduce(total)
        return total


class _Rows(torch.autograd.Function):
    """The rows of all processes, one share after the other."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.count = rows.shape[0]
        parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, rows.detach().contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.detach().clone()
        distributed.all_reduce(total)
        first = distributed.get_rank() * context.count
        return total[first : first + context.count]


def sum_over_processes(values: Tensor) -> Tensor:
    """The sum of each process' tensor, in all of them."""
    return _Sum.apply(values)


def max_over_processes(values: Tensor) -> Tensor:
    """The largest of each number over processes, in all of them, without gradient."""
    largest = values.detach().clone()
    distributed.all_reduce(largest, distributed.ReduceOp.MAX)
    return largest


def rows_of_processes(rows: Tensor) -> Tensor:
    """All processes' rows `(n, ...)`, as many each, in all of them, `(processes * n, ...)`."""
    return _Rows.apply(rows)


def mean_over_processes(tensors: Sequence[Tensor], processes: int) -> list[Tensor]:
    """The mean of each tensor over processes, by one message for each dtype.

    Args:
        tensors: equally many of equal shapes in each process; None stays so.
        processes: how many there are.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    means: dict[int, Tensor] = {}
    for dtype in dict.fromkeys(tensor.dtype for tensor in given):
        alike = [tensor for tensor in given if tensor.dtype == dtype]
        flat = torch.cat([tensor.reshape(-1) for tensor in alike])
        distributed.all_reduce(flat)
        parts = (flat / processes).split([tensor.numel() for tensor in alike])
        means |= {id(t): part.reshape(t.shape) for t, part in zip(alike, parts, strict=True)}
    return [None if tensor is None else means[id(tensor)] for tensor in tensors]
