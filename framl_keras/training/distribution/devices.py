"""The devices that a training runs on, as far as training has to know."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import keras
import numpy as np

from framl_keras.processes import Alone, Processes

Batch = Any  # pixels and labels, arrays of as many rows


class Predictor(Protocol):
    """What verification calls."""

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The outputs `(n, dim)` for pixels `(n, height, width, 3)`."""


class Devices(Processes, Protocol):
    """Devices of one job, in one process or several, each of which reads its share of a batch.

    Attributes:
        count: how many devices there are in all.
    """

    count: int

    def scope(self) -> AbstractContextManager[Any]:
        """The block within which the models are built, trained and used."""

    def share(self, model: keras.Model) -> None:
        """Prepares a compiled training model."""

    def place(self, batch: Batch) -> Batch:
        """This process' rows of a batch as what an explicit step takes."""

    def whole(self, rows: np.ndarray) -> Any:
        """Rows that each process has, as what all of them give to a model together."""

    def predictor(self, model: keras.Model) -> Predictor:
        """What verification calls in place of the model, in this process alone."""


class OneProcess(Alone):
    """One process with one device, or with several that need no more than a scope."""

    count = 1

    def share(self, model: keras.Model) -> None:
        """Nothing to do."""

    def place(self, batch: Batch) -> Batch:
        """The batch as it is."""
        return batch

    def whole(self, rows: np.ndarray) -> Any:
        """The rows as they are."""
        return rows

    def predictor(self, model: keras.Model) -> Predictor:
        """The model itself."""
        predictor: Predictor = model
        return predictor


class InProcesses(OneProcess):
    """One of several processes.

    Args:
        joined: all of them.
        count: how many devices they have.
    """

    def __init__(self, joined: Processes, count: int):
        self.joined, self.count = joined, count
        self.process, self.processes, self.writes = joined.process, joined.processes, joined.writes

    def wait(self) -> None:
        """Waits until all processes are here."""
        self.joined.wait()

    def any(self, flag: bool) -> bool:
        """Whether it is true in one process at least."""
        return self.joined.any(flag)

    def all_of(self, rows: np.ndarray) -> list[np.ndarray]:
        """Each process' rows."""
        return self.joined.all_of(rows)


ONE_DEVICE: Devices = OneProcess()


def placed(batches: Iterator[Batch], devices: Devices, mode: str) -> Iterator[Batch]:
    """The batches as a mode takes them: `fit` places them by itself."""
    return map(devices.place, batches) if mode == "eager" else batches


def rows_of(batch_size: int, devices: Devices) -> slice:
    """The rows of each batch that this process reads."""
    share = batch_size // devices.processes
    return slice(devices.process * share, (devices.process + 1) * share)


def largest_share(batch_size: int, available: int) -> int:
    """The most devices that share a batch equally.

    Example:
    >>> largest_share(30, 8)
    6
    """
    return max(n for n in range(1, available + 1) if batch_size % n == 0)
