"""Torch: one process a device, which `torchrun` starts.

Each has a share of the batch's rows and of the head's classes. The head sees the embeddings of
all rows, and what its loss needs of the other classes are sums over processes. Statistics of
batch normalization are those of all rows, so a step is that of one device.
"""

import atexit
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
from framl_keras.keras_internals import clip_by_shared_norms, layers_within, skip_wrapping
from framl_keras.ops.backend.torch_collectives import (
    max_over_processes,
    mean_over_processes,
    sum_over_processes,
)
from framl_keras.ops.row_share import shared_rows
from framl_keras.training.class_rows import ClassRows
from framl_keras.training.distribution.devices import Batch, Predictor, explained_loss
from framl_keras.training.distribution.shared_batch_norm import share_batch_norm

# Each of their updates depends on norms or means of the whole variable, or of several of them.
_OF_WHOLE_VARIABLES = ("Adafactor", "Lamb", "Muon")
_PEER_GONE = re.compile(r"[Cc]onnection (closed|reset|refused)|[Bb]roken pipe|NCCL|[Tt]imed out")


class TorchProcesses:
    """The processes of a job that a launcher started, with a device each."""

    def __init__(self) -> None:
        if not distributed.is_initialized():
            on_gpu = torch.cuda.is_available()
            if on_gpu:
                torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
            distributed.init_process_group("nccl" if on_gpu else "gloo")
            if not on_gpu:
                atexit.register(_part)
        self.process, self.processes = distributed.get_rank(), distributed.get_world_size()
        self.count, self.writes = self.processes, self.process == 0

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which rows are shared."""
        mine = (self.process, self.processes)
        with shared_rows(*mine), explained_loss(_PEER_GONE, *mine):
            yield

    def share(self, model: keras.Model) -> None:
        """Lets statistics be those of all rows, and the optimizer take all rows' gradients."""
        skip_wrapping(model)
        for layer in layers_within(model):
            if isinstance(layer, keras.layers.BatchNormalization):
                share_batch_norm(layer)
        rows, optimizer = ClassRows(model), model.optimizer
        shared = [rows.has_rows(variable) for variable in model.trainable_variables]
        if any(shared):
            _check_row_by_row(optimizer)
        clip_by_shared_norms(optimizer, rows.has_rows, sum_over_processes)
        optimizer.apply = functools.partial(_apply, optimizer.apply, self.processes, shared)
        for variable in model.trainable_variables:
            if rows.has_rows(variable) and variable.regularizer is not None:
                variable.regularizer = _Summed(variable.regularizer)

    def place(self, batch: Batch) -> Batch:
        """The rows as they are: they are read by share."""
        return batch

    def whole(self, rows: np.ndarray) -> Any:
        """The rows as they are: each process calls the model by itself."""
        return rows

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


class _SharedPredictor:
    """Splits a batch, and gives each process the whole answer."""

    def __init__(self, model: keras.Model, process: int, processes: int):
        self.model, self.process, self.processes = model, process, processes
        skip_wrapping(model)

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


class _Summed:
    """A penalty on all rows of a variable, of which each process has some."""

    def __init__(self, penalty: Callable[[Any], Any]):
        self._penalty = penalty

    def __call__(self, rows: Any) -> Any:
        return sum_over_processes(self._penalty(rows))


def _check_row_by_row(optimizer: keras.optimizers.Optimizer) -> None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if (name := type(inner).__name__) in _OF_WHOLE_VARIABLES:
        raise UserError(
            f"train.optimizer.name: {name} looks at all of the head's centers at once, of which "
            "each process of Torch has some. Expected another one, such as adamw, or "
            "KERAS_BACKEND=jax."
        )


def _apply(
    apply: Callable[..., Any],
    processes: int,
    shared: Sequence[bool],
    gradients: Sequence[Any],
    *arguments: Any,
) -> None:
    """An optimizer's step with the mean of all processes' gradients.

    Of rows that only one has, the gradient is there: that of all processes' losses. Where it is
    not finite in one process it is in none, so that all skip the step if they do so.
    """
    everywhere = [None if mine else g for g, mine in zip(gradients, shared, strict=True)]
    means = mean_over_processes(everywhere, processes)
    here = [g for g, mine in zip(gradients, shared, strict=True) if mine and g is not None]
    if here:
        is_wrong = sum((~torch.isfinite(g).all()).to(g.dtype) for g in here)
        wrong = max_over_processes(is_wrong) > 0
        here = [torch.where(wrong, torch.nan, g / processes) for g in here]
    own = iter(here)
    apply(
        [next(own) if mine and g is not None else mean
         for g, mean, mine in zip(gradients, means, shared, strict=True)],
        *arguments,
    )  # fmt: skip


def _part() -> None:
    """Ends gloo's threads before the program: one that lost its peer then would abort it."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def local_devices() -> int:
    """How many processes of this machine could have a device of their own."""
    return max(1, torch.cuda.device_count())
