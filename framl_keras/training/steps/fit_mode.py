"""Training by compiled `model.fit`, one epoch at a time."""

import itertools
from collections.abc import Iterator, Sequence

import keras
import numpy as np

from framl_keras.models import targets
from framl_keras.training.steps import compiling, fit_data

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
    some = itertools.islice(batches, steps)
    data = (((pixels, labels), targets(model, labels)) for pixels, labels in some)
    with compiling():
        model.fit(
            fit_data(data),
            initial_epoch=epoch,
            epochs=epoch + 1,
            steps_per_epoch=steps,
            shuffle=False,  # the order is the recipe's already
            callbacks=list(callbacks),
            verbose=0,
        )
