"""Ctrl-C and SIGTERM end a run after the current step, with nothing lost."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import keras

from framl_keras.training.callbacks.progress import Progress

log = logging.getLogger(__name__)


class StopOnSignal(keras.callbacks.Callback):
    """Lets the current step finish, then stops; a second signal stops at once.

    Use it as a context manager around the training: handlers are put back after.

    Args:
        agree: whether a flag is true in one of the processes that train together.

    Attributes:
        stopped: whether the processes agree that a signal came to one of them.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool) -> None:
        super().__init__()
        self.agree = agree
        self.stopped = self._asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def agreed(self) -> bool:
        """Whether to stop now; all processes must ask at the same point of their program."""
        self.stopped = self.agree(self._asked)
        return self.stopped

    def ended(self, progress: Progress) -> bool:
        """Whether a signal ended the run before its last step; says where."""
        if not self.stopped or progress.step >= progress.total_steps:
            return False
        log.warning("Stopped after step %d of %d.", progress.step, progress.total_steps)
        return True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        log.warning("Stopping after this step; once more to stop at once.")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Asks `fit` to end where a signal has come."""
        if self.agreed():
            self.model.stop_training = True
