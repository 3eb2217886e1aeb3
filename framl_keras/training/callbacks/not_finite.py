"""A loss that is NaN or infinite stops the run, with what one needs to find out why."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.not_finite_error import NotFiniteError


class StopAtNaN(keras.callbacks.Callback):
    """Stops at the first loss that is not finite and names the step.

    Fetching a loss waits for the device, so it is done for several steps at
    once. Use it as a context manager around the training: a `NotFiniteError` that
    comes from anywhere within becomes one line for the user.

    Args:
        progress: the run's position.
        learning_rate: from a step (from 0) to its learning rate.
        last_good: gives the newest sound checkpoint.
        every: steps between looks.
    """

    def __init__(
        self,
        progress: Progress,
        learning_rate: Callable[[int], float],
        last_good: Callable[[], Path | None],
        every: int = 16,
    ):
        super().__init__()
        self.progress, self.learning_rate = progress, learning_rate
        self.last_good, self.every = last_good, every
        self._unseen: deque[tuple[int, Any]] = deque()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the loss; looks at those noted where it is time to."""
        step = self.progress.step
        if logs and "loss" in logs:
            self._unseen.append((step, logs["loss"]))
        if step % self.every == 0 or step % self.progress.steps_per_epoch == 0:
            self.look()

    def look(self) -> None:
        """Looks at the losses noted since the last look.

        Raises:
            NotFiniteError: for the first that is not finite. Each is a mean since the
                epoch's first step, so all that follow it aren't either.
        """
        while self._unseen:
            step, loss = self._unseen.popleft()
            if not np.isfinite(float(loss)):
                self._unseen.clear()
                raise NotFiniteError("the loss", step)

    def __enter__(self) -> "StopAtNaN":
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, NotFiniteError):
            raise UserError(self._explain(self._earliest(error))) from None

    def _earliest(self, error: NotFiniteError) -> NotFiniteError:
        """An unseen loss from before, or the error itself."""
        try:
            self.look()
        except NotFiniteError as earlier:
            return earlier
        return error

    def _explain(self, error: NotFiniteError) -> str:
        step = self.progress.step + 1 if error.step is None else error.step
        good, rate = self.last_good(), self.learning_rate(step - 1)
        kept = f"The last good checkpoint is {good}" if good else "There is no checkpoint yet"
        return (
            f"Step {step}: {error}, at a learning rate of {rate:g}. {kept}. "
            "Look for the tensor with --mode eager, or begin anew (--restart) with a lower "
            "train.optimizer.learning_rate or some train.schedule.warmup."
        )
