"""The run's logs: a CSV file and TensorBoard's events, written without TensorFlow."""

import csv
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
from tensorboardX import SummaryWriter

from framl_keras.data.atomic import write_beside
from framl_keras.training.callbacks.progress import Progress, shown_numbers

VERIFIED = ("step", "epoch", "set", "similarity", "metric", "value")
COLUMNS = ("step", "epoch", "loss", "accuracy", "learning_rate", "images_per_second")


class Journal(keras.callbacks.Callback):
    """Logs a line each `every` steps and at the end of each epoch.

    `loss` and `accuracy` are means since the epoch's first step.

    Args:
        folder: where `training.csv` and the event files go.
        progress: the run's position.
        learning_rate: from a step to its learning rate.
        every: steps between lines.
        recipe: the run's recipe as YAML, a text among TensorBoard's.
    """

    def __init__(
        self,
        folder: Path,
        progress: Progress,
        learning_rate: Callable[[int], float],
        every: int,
        recipe: str = "",
    ):
        super().__init__()
        self.progress, self.learning_rate, self.every = progress, learning_rate, every
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "training.csv"
        _rewind(self.path, progress.step, COLUMNS)
        self.verifications = folder / "verification.csv"
        _rewind(self.verifications, progress.step, VERIFIED)
        self.events = SummaryWriter(str(folder), write_to_disk=True)
        if recipe:
            self.events.add_text("recipe", f"```yaml\n{recipe}\n```", progress.step)
        self._mark: tuple[float, int] | None = None

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes a line where one is due."""
        last = self.progress.step % self.progress.steps_per_epoch == 0
        if self._mark is None:  # the first step compiles, so its time says nothing
            self._mark = (time.monotonic(), self.progress.step)
        if last or self.progress.step % self.every == 0:
            self._write(logs or {})

    def verification(self, name: str, similarity: str, metrics: Mapping[str, float]) -> None:
        """Logs what a verification found: a row of `verification.csv`, and TensorBoard's scalars.

        Args:
            name: the set's.
            similarity: which it was verified in.
            metrics: `accuracy`, and others that were asked for.
        """
        step = self.progress.step
        epoch = (step - 1) // self.progress.steps_per_epoch + 1
        with self.verifications.open("a", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            for metric, value in metrics.items():
                rows.writerow([step, epoch, name, similarity, metric, value])
                tag = name if (similarity, metric) == ("cos", "accuracy") else None
                tag = tag or f"{name} {similarity} {metric}"
                self.events.add_scalar(f"verification/{tag}", value, step)

    def close(self) -> None:
        """Writes out what is still held back."""
        self.events.close()

    def _write(self, logs: dict[str, Any]) -> None:
        step = self.progress.step
        row = {
            "step": step,
            "epoch": (step - 1) // self.progress.steps_per_epoch + 1,
            **shown_numbers(logs),
            "learning_rate": self.learning_rate(step - 1),
            "images_per_second": self._speed(),
        }
        with self.path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
        for key in COLUMNS[2:]:
            self.events.add_scalar(f"training/{key}", row[key], step)
        self.events.flush()

    def _speed(self) -> float:
        """Images per second since the last line; 0 where that can't be told."""
        before, now = self._mark, (time.monotonic(), self.progress.step)
        self._mark = now
        if before is None or now[1] <= before[1] or now[0] <= before[0]:
            return 0.0
        return round((now[1] - before[1]) * self.progress.batch_size / (now[0] - before[0]), 1)


class NoJournal(keras.callbacks.Callback):
    """Logs nothing: for processes beside the one that logs."""

    def verification(self, name: str, similarity: str, metrics: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def _rewind(path: Path, step: int, columns: Sequence[str]) -> None:
    """Begins the CSV, or drops what a killed run wrote after its last checkpoint."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    kept = [line for line in lines if _is_whole(line, columns) and int(line.split(",")[0]) <= step]
    with write_beside(path) as file:
        file.write_text("\n".join([",".join(columns), *kept]) + "\n", encoding="utf-8")


def _is_whole(line: str, columns: Sequence[str]) -> bool:
    """Whether a line was written to its end, which a full disk may prevent."""
    return (
        len(next(csv.reader([line]), [])) == len(columns)
        and line.split(",", maxsplit=1)[0].isdecimal()
    )
