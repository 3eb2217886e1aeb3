"""Torch: one process a device, which `torchrun` starts; each has a share of the batch's rows.

The head sees all rows, gathered, and is computed by each process. Statistics of batch
normalization are those of all rows, so a step is that of one device.
"""

import contextlib
import functools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import torch
from torch import distributed

from framl_keras.errors import UserError
from framl_keras.keras_internals import layers_within
from framl_keras.ops.backend.torch_collectives import mean_over_processes
from framl_keras.ops.row_share import shared_rows
from framl_keras.training.distribution.devices import Batch, Predictor
from framl_keras.training.distribution.shared_batch_norm import share_batch_norm

_PEER_GONE = re.compile(r"[Cc]onnection (closed|reset|refused)|[Bb]roken pipe|NCCL|[Tt]imed out")


class TorchProcesses:
    """The processes of a job that a launcher started, with a device each."""

    def __init__(self) -> None:
        if not distributed.is_initialized():
            on_gpu = torch.cuda.is_available()
            if on_gpu:
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            distributed.init_process_group("nccl" if on_gpu else "gloo")
        self.process, self.processes = distributed.get_rank(), distributed.get_world_size()
        self.count, self.writes = self.processes, self.process == 0

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which rows are shared."""
        mine = (self.process, self.processes)
        with shared_rows(*mine), lost_process_explained(*mine):
            yield

    def share(self, model: keras.Model) -> None:
        """Lets statistics be those of all rows, and the optimizer take all rows' gradients."""
        for layer in layers_within(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                share_batch_norm(layer)
        optimizer = model.optimizer
        optimizer.apply = functools.partial(_apply, optimizer.apply, self.processes)

    def place(self, batch: Batch) -> Batch:
        """The rows as they are: they are read by share."""
        return batch

    def wait(self) -> None:
        """Until all processes are here."""
        distributed.barrier()

    def any(self, flag: bool) -> bool:
        """Whether it is true in one process at least."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        flags = torch.tensor([float(flag)], device=device)
        distributed.all_reduce(flags, distributed.ReduceOp.MAX)
        return bool(flags.item())

    def predictor(self, model: keras.Model) -> Predictor:
        """The model, of whose batches each process computes a share."""
        return _SharedPredictor(model, self.process, self.processes)


@contextlib.contextmanager
def lost_process_explained(process: int, processes: int) -> Iterator[None]:
    """Turns what Torch raises where another process has ended into the user's error."""
    try:
        yield
    except RuntimeError as error:
        if not _PEER_GONE.search(str(error)):
            raise
        raise UserError(
            f"Process {process} of {processes} lost another one, whose own message says why. "
            "The same command goes on from the last checkpoint."
        ) from None


class _SharedPredictor:
    """Splits a batch, and gives each process the whole answer."""

    def __init__(self, model: keras.Model, process: int, processes: int):
        self.model, self.process, self.processes = model, process, processes

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The outputs for all rows."""
        share = -(-len(pixels) // self.processes)
        own = np.zeros((share, *pixels.shape[1:]), pixels.dtype)
        some = pixels[self.process * share : (self.process + 1) * share]
        own[: len(some)] = some
        outputs = torch.as_tensor(np.asarray(self.model.predict_on_batch(own)))
        outputs = outputs.to("cuda" if torch.cuda.is_available() else "cpu")
        parts = [torch.empty_like(outputs) for _ in range(self.processes)]
        distributed.all_gather(parts, outputs)
        return torch.cat(parts).cpu().numpy()[: len(pixels)]


def _apply(
    apply: Callable[..., Any], processes: int, gradients: Sequence[Any], *arguments: Any
) -> None:
    """An optimizer's step with the mean of all processes' gradients."""
    apply(mean_over_processes(gradients, processes), *arguments)


def local_devices() -> int:
    """How many processes of this machine could have a device of their own."""
    return max(1, torch.cuda.device_count())
