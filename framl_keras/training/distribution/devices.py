"""The devices that a training runs on, as far as training has to know."""

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import keras
import numpy as np

from framl_keras.errors import UserError

Batch = Any  # pixels and labels, arrays of as many rows


class Predictor(Protocol):
    """What verification calls."""

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The outputs `(n, dim)` for pixels `(n, height, width, 3)`."""


class Devices(Protocol):
    """Devices of one job, in one process or several.

    Attributes:
        count: how many devices there are in all.
        process: this process' number, from 0.
        processes: how many there are; each reads its share of a batch's rows.
    """

    count: int
    process: int
    processes: int

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files, for all."""

    def scope(self) -> AbstractContextManager[Any]:
        """The block within which the models are built, trained and used."""

    def share(self, model: keras.Model) -> None:
        """Prepares a compiled training model."""

    def place(self, batch: Batch) -> Batch:
        """This process' rows of a batch as what an explicit step takes."""

    def whole(self, rows: np.ndarray) -> Any:
        """Rows that each process has, as what all of them give to a model together."""

    def wait(self) -> None:
        """Waits until all processes are here."""

    def any(self, flag: bool) -> bool:
        """Whether a flag is true in one process at least."""

    def predictor(self, model: keras.Model) -> Predictor:
        """What verification calls in place of the model, in all processes alike."""


class OneProcess:
    """One process with one device, or with several that need no more than a scope."""

    count, process, processes = 1, 0, 1
    writes = True

    def scope(self) -> AbstractContextManager[Any]:
        """A block that changes nothing."""
        return contextlib.nullcontext()

    def share(self, model: keras.Model) -> None:
        """Nothing to do."""

    def place(self, batch: Batch) -> Batch:
        """The batch as it is."""
        return batch

    def whole(self, rows: np.ndarray) -> Any:
        """The rows as they are."""
        return rows

    def wait(self) -> None:
        """There is nobody to wait for."""

    def any(self, flag: bool) -> bool:
        """The flag."""
        return flag

    def predictor(self, model: keras.Model) -> Predictor:
        """The model itself."""
        predictor: Predictor = model
        return predictor


ONE_DEVICE: Devices = OneProcess()


@contextlib.contextmanager
def explained_loss(gone: re.Pattern[str], process: int, processes: int) -> Iterator[None]:
    """Turns what a backend raises where another process has ended into the user's error.

    Args:
        gone: what is said then.
        process: this one.
        processes: how many there are.
    """
    try:
        yield
    except (RuntimeError, ValueError) as error:  # JAX raises one or the other
        if isinstance(error, UserError) or not gone.search(str(error)):
            raise
        raise UserError(
            f"Process {process} of {processes} lost another one, whose own message says why. "
            "The same command goes on from the last checkpoint."
        ) from None


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
