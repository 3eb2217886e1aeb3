"""The devices that a training runs on, as far as training has to know."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

Batch = Any  # pixels and labels, arrays of as many rows


class Devices(Protocol):
    """Devices of one job, in one process or several.

    Attributes:
        count: how many devices there are in all.
        process: this process' number, from 0.
        processes: how many there are.
    """

    count: int
    process: int
    processes: int

    def scope(self) -> AbstractContextManager[Any]:
        """The block within which the models are built, trained and used."""

    def place(self, batch: Batch) -> Batch:
        """This process' rows of a batch as what an explicit step takes."""


class OneDevice:
    """One device, which the backend chooses."""

    count, process, processes = 1, 0, 1

    def scope(self) -> AbstractContextManager[Any]:
        """A block that changes nothing."""
        return contextlib.nullcontext()

    def place(self, batch: Batch) -> Batch:
        """The batch as it is."""
        return batch


ONE_DEVICE: Devices = OneDevice()


def placed(batches: Iterator[Batch], devices: Devices, mode: str) -> Iterator[Batch]:
    """The batches as a mode takes them: `fit` places them by itself."""
    return map(devices.place, batches) if mode == "eager" else batches


def largest_share(batch_size: int, available: int) -> int:
    """The most devices that share a batch equally.

    Example:
    >>> largest_share(30, 8)
    6
    """
    return max(n for n in range(1, available + 1) if batch_size % n == 0)
