"""On which devices a training runs; each backend spreads it in its own way."""

import importlib
import logging
import os
from typing import Any

from keras import backend

from framl_keras.errors import UserError
from framl_keras.processes import Processes, join
from framl_keras.processes.launchers import by_tensorflow, launched
from framl_keras.training.distribution.devices import (
    ONE_DEVICE,
    Devices,
    largest_share,
    placed,
    rows_of,
)

__all__ = ["ONE_DEVICE", "Devices", "devices_for", "largest_share", "placed", "rows_of"]

log = logging.getLogger(__name__)

_FILES = {name: f"{__name__}.{name}" for name in ("jax", "tensorflow", "torch")}


def devices_for(asked: int | str | None, batch_size: int) -> Devices:
    """The devices that a training is to run on.

    On TensorFlow they are those of this process. On JAX, too, or those of all processes that a
    launcher started. On Torch each is a process that `torchrun` or another launcher started,
    see `framl_keras.processes.join`. Of processes all are taken.

    Args:
        asked: how many, `all` for as many as share the batch equally, None for one.
        batch_size: rows of a step, which devices share equally.

    Raises:
        UserError: if there are fewer devices, or they cannot share a batch.
    """
    if asked is not None and asked != "all" and (not isinstance(asked, int) or asked < 1):
        raise UserError(f"--devices: expected all, or a number from 1. Received: {asked}")
    running = backend.backend()
    chosen = importlib.import_module(_FILES[running])
    if running == "tensorflow":
        _check_one_process()
    joined = join()
    if running == "torch":
        return _processes(chosen, asked, joined, batch_size)
    if joined.processes > 1:
        return _all_of_processes(chosen, asked, joined, batch_size)
    if asked in (None, 1):
        return ONE_DEVICE
    return _in_one_process(chosen, asked, batch_size)


def _check_one_process() -> None:
    """Keras 3 does not train in MultiWorkerMirroredStrategy."""
    started = by_tensorflow(os.environ) or launched(os.environ)
    if started is not None:
        raise UserError(
            f"{started.by}: a launcher started {started.processes} processes, but the tensorflow "
            "backend trains in one. Start it alone, with --devices all, or set KERAS_BACKEND to "
            "torch or jax."
        )


def _all_of_processes(
    chosen: Any, asked: int | str | None, joined: Processes, batch_size: int
) -> Devices:
    """The devices of all processes of a JAX job."""
    count: int = chosen.available()
    if asked not in (None, "all", count):
        raise UserError(
            f"--devices: {joined.processes} processes have {count} devices, and train on all of "
            f"them. Expected all, or nothing. Received: {asked}"
        )
    _check_shares(count, batch_size)
    devices: Devices = chosen.of_processes(joined)
    return devices


def _in_one_process(chosen: Any, asked: int | str | None, batch_size: int) -> Devices:
    """The devices that one process of JAX or TensorFlow sees."""
    available: int = chosen.available()
    count = largest_share(batch_size, available) if asked == "all" else int(asked or 1)
    if count > available:
        there = "is 1" if available == 1 else f"are {available}"
        raise UserError(f"--devices: there {there}. Expected all, or a number up to that.")
    if asked == "all" and count < available:
        log.info(
            "%d of %d devices share each batch: train.batch_size is %d, no multiple of more",
            *(count, available, batch_size),
        )
    _check_shares(count, batch_size)
    devices: Devices = ONE_DEVICE if count == 1 else chosen.create(count)
    return devices


def _processes(torch: Any, asked: int | str | None, joined: Processes, batch_size: int) -> Devices:
    """The processes of a Torch job."""
    started = joined.processes
    wanted = max(started, torch.local_devices()) if asked == "all" else asked
    if wanted not in (None, started):
        raise UserError(
            f"--devices: Torch trains on {wanted} devices in as many processes, of which there "
            f"{'is 1' if started == 1 else f'are {started}'}. Start them: torchrun "
            f"--nproc-per-node {wanted} -m framl_keras train …"
        )
    _check_shares(started, batch_size)
    devices: Devices = ONE_DEVICE if started == 1 else torch.TorchProcesses(joined)
    return devices


def _check_shares(count: int, batch_size: int) -> None:
    if batch_size % count:
        raise UserError(
            f"train.batch_size: {count} devices cannot share {batch_size} rows equally. Expected "
            f"a multiple of {count}, or {largest_share(batch_size, count)} devices."
        )
