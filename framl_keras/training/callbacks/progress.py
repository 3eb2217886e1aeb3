"""How far a run is, and how fast: the tqdm bar of an epoch."""

import time
from collections.abc import Callable
from typing import Any

import keras
from tqdm import tqdm

_SHOWN = {"loss": "loss", "accuracy": "plain_accuracy"}


def shown_numbers(logs: dict[str, Any] | None) -> dict[str, float]:
    """Loss and accuracy, means since the epoch's first step, as plain floats."""
    logs = logs or {}
    return {shown: float(logs[name]) for shown, name in _SHOWN.items() if name in logs}


class Progress:
    """Counts the steps of a run; callbacks and the log read it.

    Args:
        images: how many images an epoch passes.
        batch_size: images in a step; what does not fill a batch is seen in the next epoch.
        epochs: how many epochs the run has.

    Attributes:
        step: steps done since the run began.
    """

    def __init__(self, images: int, batch_size: int, epochs: int):
        self.steps_per_epoch = max(1, images // batch_size)
        self.batch_size, self.epochs, self.step = batch_size, epochs, 0

    @property
    def total_steps(self) -> int:
        """Steps in the whole run."""
        return self.steps_per_epoch * self.epochs

    @property
    def epoch(self) -> int:
        """The epoch that the next step belongs to, from 0."""
        return self.step // self.steps_per_epoch

    @property
    def steps_left(self) -> int:
        """Steps until the current epoch ends."""
        return self.steps_per_epoch - self.step % self.steps_per_epoch


class CountSteps(keras.callbacks.Callback):
    """Advances the run's `Progress`; comes before the callbacks that read it."""

    def __init__(self, progress: Progress):
        super().__init__()
        self.progress = progress

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Counts one step."""
        self.progress.step += 1


class ProgressBar(keras.callbacks.Callback):
    """A tqdm bar for each epoch: loss, accuracy, learning rate, images per second.

    Args:
        progress: the run's position.
        learning_rate: from a step to its learning rate.
    """

    def __init__(self, progress: Progress, learning_rate: Callable[[int], float]):
        super().__init__()
        self.progress, self.learning_rate = progress, learning_rate
        self.bar: tqdm | None = None
        self._shown = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Opens the epoch's bar, where a resumed epoch has its place already."""
        size = self.progress.batch_size
        self.bar = tqdm(
            total=self.progress.steps_per_epoch * size,
            initial=self.progress.step % self.progress.steps_per_epoch * size,
            desc=f"epoch {epoch + 1}/{self.progress.epochs}",
            unit=" images",
        )

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Moves the bar; numbers are fetched at most twice a second."""
        if self.bar is None:
            return
        self.bar.update(self.progress.batch_size)
        if time.monotonic() - self._shown > 0.5:
            self._show(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Shows the epoch's final numbers and closes its bar."""
        self._show(logs or {})
        self.close()

    def close(self) -> None:
        """Closes the bar, also of an epoch that did not end, so that what follows has its line."""
        if self.bar is not None:
            self.bar.close()

    def _show(self, logs: dict) -> None:
        if self.bar is None:
            return
        self._shown = time.monotonic()
        rate = self.learning_rate(max(0, self.progress.step - 1))
        numbers = {name: f"{value:.3f}" for name, value in shown_numbers(logs).items()}
        self.bar.set_postfix({**numbers, "lr": f"{rate:.2g}"}, refresh=True)
