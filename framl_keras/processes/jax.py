"""Processes of JAX, which find each other at the first one."""

import atexit
import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from framl_keras.errors import UserError
from framl_keras.processes.job import CONNECTION, NUMBERS, Joined, said_beside
from framl_keras.processes.launchers import Launched, beside

# Seconds. One process may work for long while others wait at the end; who is lost is noticed
# by its heartbeat.
_PATIENCE = {
    "initialization_timeout": 300,
    "heartbeat_timeout_seconds": 20,
    "shutdown_timeout_seconds": 24 * 3600,
}
_FOUND_BY_JAX = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")
GONE = re.compile(CONNECTION + "|heartbeat|[Cc]oordination|NCCL|Gloo")


class JoinedJax(Joined):
    """Processes of which one that meets an error leaves at once."""

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block in which they work; one that meets an error there ends without the others."""
        with _leaving_alone(), super().scope():
            yield


def join(launched: Launched) -> Joined:
    """The processes, which are joined if they are not yet.

    Raises:
        UserError: if they cannot be joined.
    """
    is_joined = getattr(jax.distributed, "is_initialized", lambda: False)  # from JAX 0.5 on
    if not is_joined():
        _begin(launched)
    return JoinedJax(jax.process_index(), jax.process_count(), _gather, GONE)


def _begin(launched: Launched) -> None:
    taken = inspect.signature(jax.distributed.initialize).parameters
    patience: dict[str, Any] = {name: value for name, value in _PATIENCE.items() if name in taken}
    options = arguments(launched)
    try:
        jax.distributed.initialize(**options, **patience)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        place = options.get("coordinator_address", "SLURM or Open MPI")
        raise UserError(
            f"JAX could not join the {launched.processes} processes that {place} says were "
            f"started: {reason}"
        ) from None
    with said_beside():
        _gather(np.zeros(1, NUMBERS))  # gloo connects them now


def arguments(launched: Launched) -> dict[str, Any]:
    """What JAX is to be told of a launcher: nothing where it asks by itself."""
    if launched.by in _FOUND_BY_JAX:
        return {}
    options = {
        "coordinator_address": launched.addresses[0],
        "num_processes": launched.processes,
        "process_id": launched.process,
    }
    if launched.by == "WORLD_SIZE":
        options["coordinator_address"] = beside(launched.addresses[0], 1)
    if launched.local is not None and has_accelerators() and not _is_on_processors():
        options["local_device_ids"] = [launched.local]
    return options


def has_accelerators() -> bool:
    """Whether there is a GPU of NVIDIA's; JAX cannot be asked before the processes have met."""
    return os.path.exists("/dev/nvidia0")


def _is_on_processors() -> bool:
    return os.environ.get("JAX_PLATFORMS") == "cpu"


def _gather(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(multihost_utils.process_allgather(numbers))


@contextlib.contextmanager
def _leaving_alone() -> Iterator[None]:
    """After an error the process ends by itself: JAX would wait for others, and then abort."""
    try:
        yield
    except BaseException as error:
        atexit.register(_leave, 2 if isinstance(error, UserError) else 1)
        raise


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
