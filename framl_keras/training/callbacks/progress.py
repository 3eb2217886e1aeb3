"""How far a run is, and how fast: the tqdm bar of an epoch, or lines where no terminal is."""

import sys
import time
from collections.abc import Callable
from typing import Any

import keras
from tqdm import tqdm

LINES_APART = 30.0  # seconds between two lines where there is no terminal
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

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts one step."""
        self.progress.step += 1


class ProgressBar(keras.callbacks.Callback):
    """A tqdm bar for each epoch: loss, accuracy, learning rate, images per second.

    Where standard error is no terminal, such as in a file, there is a line each half minute
    and after each epoch instead.

    Args:
        progress: the run's position.
        learning_rate: from a step to its learning rate.
        shown: whether anything is.
    """

    def __init__(
        self, progress: Progress, learning_rate: Callable[[int], float], shown: bool = True
    ):
        super().__init__()
        self.progress, self.learning_rate, self.shown = progress, learning_rate, shown
        self.bar: tqdm[Any] | None = None
        self._shown = 0.0
        self._began = (0.0, 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Opens the epoch's bar, where a resumed epoch has its place already."""
        self._began = (time.monotonic(), self.progress.step)
        if not self.shown or not sys.stderr.isatty():
            self._shown = time.monotonic()
            return
        size = self.progress.batch_size
        self.bar = tqdm(
            total=self.progress.steps_per_epoch * size,
            initial=self.progress.step % self.progress.steps_per_epoch * size,
            desc=f"epoch {epoch + 1}/{self.progress.epochs}",
            unit=" images",
        )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the bar; numbers are fetched at most twice a second."""
        if self.bar is not None:
            self.bar.update(self.progress.batch_size)
        if time.monotonic() - self._shown > (LINES_APART if self.bar is None else 0.5):
            self._show(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the epoch's final numbers and closes its bar."""
        self._show(logs or {})
        self.close()

    def close(self) -> None:
        """Closes the bar, also of an epoch that did not end, so that what follows has its line."""
        if self.bar is not None:
            self.bar.close()

    def _show(self, logs: dict[str, Any]) -> None:
        if not self.shown:
            return
        self._shown = time.monotonic()
        rate = self.learning_rate(max(0, self.progress.step - 1))
        numbers = {name: f"{value:.3f}" for name, value in shown_numbers(logs).items()}
        numbers["lr"] = f"{rate:.2g}"
        if self.bar is not None:
            self.bar.set_postfix(numbers, refresh=True)
        else:
            print(self._line(numbers), file=sys.stderr, flush=True)

    def _line(self, numbers: dict[str, str]) -> str:
        """Where the run is, its numbers and its speed since the epoch's first step."""
        progress, (began, first) = self.progress, self._began
        epoch = (progress.step - 1) // progress.steps_per_epoch + 1
        speed = (progress.step - first) * progress.batch_size / max(time.monotonic() - began, 1e-9)
        told = ", ".join(f"{name} {value}" for name, value in numbers.items())
        return (
            f"epoch {epoch}/{progress.epochs}, step {progress.step} of {progress.total_steps}: "
            f"{told}, {speed:.1f} images/s"
        )
