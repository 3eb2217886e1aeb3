"""Training one explicit step at a time, to look inside: gradients, norms, the first NaN."""

import itertools
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from framl_keras.training.steps import count, gradients, update
from framl_keras.training.steps.first_not_finite import check_step
from framl_keras.training.steps.fit_mode import Batch
from framl_keras.training.steps.step import Gradients

log = logging.getLogger(__name__)


def step_epoch(
    model: keras.Model,
    batches: Iterator[Batch],
    epoch: int,
    steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
    print_every: int = 10,
) -> None:
    """Trains `steps` steps of an epoch, with `fit_epoch`'s bits.

    On JAX a step is compiled still; `train.jit=false` lets a debugger into it. So it is on several
    devices of TensorFlow, whose messages take far longer one by one.
    Prints predicted and regularization loss and the gradients' norm each
    `print_every` steps, and stops at the first NaN, naming the tensor.

    Args:
        model: the compiled training model.
        batches: pixels and labels; `steps` of them are taken.
        epoch: the epoch's number, from 0.
        steps: steps to train.
        callbacks: what happens between the steps.
        print_every: steps between lines.

    Raises:
        NotFiniteError: at the first loss or gradient that is not finite.
    """
    model.stop_training = False
    listeners = keras.callbacks.CallbackList(list(callbacks), model=model)
    model.reset_metrics()
    listeners.on_epoch_begin(epoch)
    logs: dict[str, Any] = {}
    for step, (pixels, labels) in enumerate(itertools.islice(batches, steps)):
        listeners.on_train_batch_begin(step)
        result, logs = train_step(model, pixels, labels)
        if step % print_every == 0:
            log.info("%s", _summary(result))
        listeners.on_train_batch_end(step, logs)
        if model.stop_training:
            break
    listeners.on_epoch_end(epoch, logs)


def train_step(
    model: keras.Model, pixels: np.ndarray, labels: np.ndarray
) -> tuple[Gradients, dict[str, Any]]:
    """One step: gradients, the optimizer's update, the metrics. Set a breakpoint here."""
    pixels, labels = ops.convert_to_tensor(pixels), ops.convert_to_tensor(labels)
    result = gradients(model, ops.cast(pixels, "float32"), labels)
    check_step(model, [pixels, labels], result)
    update(model, result)
    return result, count(model, pixels, labels, result)


def _summary(result: Gradients) -> str:
    """One line on the losses and the size of the gradients."""
    squares = sum(float(ops.sum(ops.square(g / result.loss_scale))) for g in result.gradients)
    return (
        f"prediction loss {float(result.prediction_loss):.4f}, regularization loss "
        f"{float(result.regularization_loss):.4f}, gradient norm {np.sqrt(squares):.4f}"
    )
