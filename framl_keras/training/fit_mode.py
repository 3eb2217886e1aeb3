"""Training by compiled `model.fit`, one epoch at a time."""

import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np

Batch = tuple[np.ndarray, np.ndarray]


def fit_epoch(
    model: keras.Model,
    batches: Iterator[Batch],
    epoch: int,
    steps: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """Trains `steps` steps of an epoch.

    Args:
        model: the compiled training model.
        batches: pixels and labels; `steps` of them are taken.
        epoch: the epoch's number, from 0.
        steps: steps to train.
        callbacks: what happens between the steps.
    """
    data = (((pixels, labels), labels) for pixels, labels in itertools.islice(batches, steps))
    model.fit(
        data,
        initial_epoch=epoch,
        epochs=epoch + 1,
        steps_per_epoch=steps,
        callbacks=list(callbacks),
        verbose=0,
    )
