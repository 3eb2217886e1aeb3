"""Processes that work on one thing, and what they tell each other."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np

from framl_keras.errors import UserError
from framl_keras.processes.launchers import VARIABLE

NUMBERS = np.int32  # what messages are made of: every backend sends it

# What is said of a connection whose other end is gone: gRPC's words, gloo's and the system's.
CONNECTION = (
    r"(?i:connection (was )?(likely )?(closed|reset|refused|aborted)|broken pipe|"
    r"socket (is )?closed|(endpoint|transport) clos|stream removed|goaway|"
    r"failed to connect|timed out)|DEADLINE_EXCEEDED|DeadlineExceeded|UNAVAILABLE|Unavailable"
)


class Processes(Protocol):
    """The processes of a job; all of them call the same methods in the same order.

    Attributes:
        process: this one's number, from 0.
        processes: how many there are.
    """

    process: int
    processes: int

    @property
    def writes(self) -> bool:
        """Whether this process writes and prints, for all."""

    def scope(self) -> AbstractContextManager[Any]:
        """The block in which they work, and which they leave together.

        Raises:
            UserError: from the block, if another process is lost.
        """

    def wait(self) -> None:
        """Waits until all processes are here."""

    def any(self, flag: bool) -> bool:
        """Whether a flag is true in one process at least."""

    def all_of(self, rows: np.ndarray) -> list[np.ndarray]:
        """Each process' rows, `(n, ...)` of one dtype, of which it may have any number."""


class Alone:
    """A process alone."""

    process, processes = 0, 1
    writes = True

    def scope(self) -> AbstractContextManager[Any]:
        """A block that changes nothing."""
        return contextlib.nullcontext()

    def wait(self) -> None:
        """There is nobody to wait for."""

    def any(self, flag: bool) -> bool:
        """The flag."""
        return flag

    def all_of(self, rows: np.ndarray) -> list[np.ndarray]:
        """The rows."""
        return [rows]


ALONE: Processes = Alone()


class Joined:
    """Several processes that a backend lets talk to each other.

    Args:
        process: this one's number.
        processes: how many there are.
        gather: gives every process' numbers, `(n,)` of `NUMBERS` with n the same in all of
            them, as `(processes, n)`.
        gone: what the backend says where another process has ended, in the name of its error
            or in its text.
        raised: what it raises then.
    """

    def __init__(
        self,
        process: int,
        processes: int,
        gather: Callable[[np.ndarray], np.ndarray],
        gone: re.Pattern[str],
        raised: tuple[type[Exception], ...] = (RuntimeError, ValueError),
    ):
        self.process, self.processes = process, processes
        self._gather, self._gone, self._raised = gather, gone, raised

    @property
    def writes(self) -> bool:
        """Whether this process writes and prints, for all."""
        return self.process == 0

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block in which they work, and which they leave together."""
        try:
            yield
            self.wait()
        except self._raised as error:
            message = f"{type(error).__name__}: {error}"
            if isinstance(error, UserError) or not self._gone.search(message):
                raise
            raise UserError(
                f"Process {self.process} of {self.processes} lost another one, whose own message "
                "says why. Start the same command again: a training goes on from its last "
                "checkpoint."
            ) from None

    def wait(self) -> None:
        """Waits until all processes are here."""
        self._gather(np.zeros(1, NUMBERS))

    def any(self, flag: bool) -> bool:
        """Whether a flag is true in one process at least."""
        return bool(self._gather(np.array([flag], NUMBERS)).any())

    def all_of(self, rows: np.ndarray) -> list[np.ndarray]:
        """Each process' rows; a process without any may not know their shape."""
        shapes = self._gather(np.array([len(rows), *rows.shape[1:]], NUMBERS))
        counts, shape = shapes[:, 0].tolist(), shapes[:, 1:].max(axis=0).tolist()
        size = int(np.prod(shape)) * rows.dtype.itemsize  # bytes of a row
        message = np.zeros(max(1, -(-max(counts) * size // 4)), NUMBERS)
        message.view(np.uint8)[: rows.nbytes] = rows.reshape(-1).view(np.uint8)
        sent = np.ascontiguousarray(self._gather(message)).view(np.uint8)
        return [
            received[: count * size].view(rows.dtype).reshape(count, *shape)
            for received, count in zip(sent, counts, strict=True)
        ]


@contextlib.contextmanager
def said_beside() -> Iterator[None]:
    """What libraries print in the block goes to standard error: gloo tells of each connection."""
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(output, 1)
        os.close(output)


def check_same(processes: Processes, asked: Mapping[str, Any]) -> None:
    """Checks that all processes were started for the same thing, before they share it.

    Args:
        processes: all of them call this.
        asked: what this one is to do, as JSON has it.

    Raises:
        UserError: in all of them, if one is to do something else.
    """
    text = json.dumps(dict(asked), sort_keys=True, default=str).encode()
    first, *others = map(bytes, processes.all_of(np.frombuffer(text, np.uint8)))
    for process, other in enumerate(others, 1):
        if other != first:
            left, right = json.loads(first), json.loads(other)
            key = next(key for key in left if right.get(key) != left[key])
            raise UserError(
                f"Process {process} of {processes.processes} was started for something else than "
                f"the first: {key} is {right.get(key)!r:.100}, not {left[key]!r:.100}. They share "
                f"one piece of work; with {VARIABLE}=1 each does its own."
            )


def agree(processes: Processes, error: UserError | None) -> None:
    """Raises in all processes what the first of them met that has an error.

    Args:
        processes: all of them call this.
        error: what this one met.

    Raises:
        UserError: if one of them has an error.
    """
    text = str(error or "").encode("utf-8", "surrogatepass")
    for message in processes.all_of(np.frombuffer(text, np.uint8)):
        if len(message):
            raise UserError(message.tobytes().decode("utf-8", "surrogatepass"))
