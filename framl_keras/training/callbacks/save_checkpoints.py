"""Saves a run's state every so many steps, and after each epoch."""

import logging
from typing import Any

import keras

from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.checkpoints.folder import Checkpoints

log = logging.getLogger(__name__)


class SaveCheckpoints(keras.callbacks.Callback):
    """Saves every so many steps, and after the last step of each epoch.

    Args:
        checkpoints: where to.
        progress: the run's position.
        every: steps between checkpoints; 0 saves after epochs only.
    """

    def __init__(self, checkpoints: Checkpoints, progress: Progress, every: int):
        super().__init__()
        self.checkpoints, self.progress, self.every = checkpoints, progress, every

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Saves where it is due."""
        step = self.progress.step
        ends_epoch = step % self.progress.steps_per_epoch == 0
        if ends_epoch or (self.every and step % self.every == 0):
            self.checkpoints.save(self.model, step)  # reading self.model syncs JAX' state

    def save_now(self) -> None:
        """Saves the state after the last step, unless it is saved already."""
        step = self.progress.step
        if self.model is not None and step and self.checkpoints.saved_step != step:
            self.checkpoints.save(self.model, step)
            log.info("Kept the state after step %d; the same command goes on from there.", step)
