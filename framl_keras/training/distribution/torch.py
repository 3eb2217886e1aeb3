"""Torch: one process a device, which `torchrun` starts.

Each has a share of the batch's rows and of the head's classes. The head sees the embeddings of
all rows, and what its loss needs of the other classes are sums over processes. Statistics of
batch normalization are those of all rows, so a step is that of one device.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import torch

from framl_keras.errors import UserError
from framl_keras.keras_internals import clip_by_shared_norms, layers_within, skip_wrapping
from framl_keras.ops.backend.torch_collectives import (
    max_over_processes,
    mean_over_processes,
    sum_over_processes,
)
from framl_keras.ops.row_share import shared_rows
from framl_keras.processes import Processes
from framl_keras.training.class_rows import ClassRows
from framl_keras.training.distribution.devices import InProcesses, Predictor
from framl_keras.training.distribution.shared_batch_norm import share_batch_norm

# Each of their updates depends on norms or means of the whole variable, or of several of them.
_OF_WHOLE_VARIABLES = ("Adafactor", "Lamb", "Muon")


class TorchProcesses(InProcesses):
    """The processes of a job that a launcher started, with a device each.

    Args:
        joined: they.
    """

    def __init__(self, joined: Processes):
        super().__init__(joined, joined.processes)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which rows are shared."""
        with shared_rows(self.process, self.processes), self.joined.scope():
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

    def predictor(self, model: keras.Model) -> Predictor:
        """The model, which each process has whole."""
        skip_wrapping(model)
        predictor: Predictor = model
        return predictor


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
    own_gradients = iter(here)
    apply(
        [next(own_gradients) if mine and g is not None else mean
         for g, mean, mine in zip(gradients, means, shared, strict=True)],
        *arguments,
    )  # fmt: skip


def local_devices() -> int:
    """How many processes of this machine could have a device of their own."""
    return max(1, torch.cuda.device_count())
