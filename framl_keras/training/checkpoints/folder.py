"""The checkpoints of a run: the last few, the best, and which one to go on from."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import (
    ALONE,
    SUFFIX,
    Checkpoint,
    Part,
    Peers,
    clear_half_written,
    load_checkpoint,
    remove_checkpoint,
    save_parts,
)
from framl_keras.training.checkpoints.state import parts_of_state
from framl_keras.training.not_finite_error import NotFiniteError

log = logging.getLogger(__name__)


class Checkpoints:
    """The checkpoints in a folder.

    Args:
        folder: where they lie.
        facts: what each says besides its step; see `Checkpoint`.
        keep: how many of the newest stay.
        peers: the processes that train together and write and read them so.
    """

    def __init__(
        self,
        folder: Path,
        facts: dict[str, Any],
        keep: int = 3,
        peers: Peers = ALONE,
    ):
        self.folder, self.facts, self.keep = folder, facts, keep
        self.peers, self.leads = peers, peers.process == 0
        self._best: Mapping[str, Any] | None = None  # not looked for yet
        self._saved_step: int | None = None

    def newest(self) -> Checkpoint | None:
        """The newest undamaged checkpoint; a damaged one is named and passed over."""
        return next((checkpoint for _, checkpoint in self._sound()), None)

    def newest_path(self) -> Path | None:
        """Where the newest undamaged checkpoint is."""
        return next((path for path, _ in self._sound()), None)

    def of_step(self, step: int | None) -> Checkpoint | None:
        """The undamaged checkpoint after so many steps, a numbered one or the best; or None."""
        for path in [self.folder / f"step-{step:09d}{SUFFIX}", self.best_path] if step else []:
            with contextlib.suppress(UserError):
                checkpoint = load_checkpoint(path, self.peers)
                if checkpoint.facts.get("step") == step:
                    return checkpoint
        return None

    def clear_half_written(self) -> None:
        """Deletes what a killed run was writing; the run's lock keeps others from writing now."""
        if self.leads:
            clear_half_written(self.folder)

    def save(self, model: keras.Model, step: int) -> None:
        """Writes the state after `step` steps and deletes what is too old."""
        path = self.folder / f"step-{step:09d}{SUFFIX}"
        self._write(path, {**self.facts, "step": step}, model, step)
        self._saved_step = step
        for old in self._paths()[: -self.keep] if self.leads else ():
            remove_checkpoint(old)

    def save_best(self, model: keras.Model, step: int, **facts: Any) -> None:
        """Writes the best state so far, apart from the last few, and what makes it the best."""
        known = {**self.facts, **facts, "step": step}
        self._write(self.best_path, known, model, step)
        self._best = known

    def _write(self, path: Path, facts: dict[str, Any], model: keras.Model, step: int) -> None:
        """Writes one, each process its part; all go on when it is there."""
        parts = (_sound(part, step) for part in parts_of_state(model, self.leads))
        save_parts(path, facts, parts, self.peers)

    @property
    def best_path(self) -> Path:
        """Where the best state is, once there is one."""
        return self.folder / f"best{SUFFIX}"

    def best_facts(self) -> Mapping[str, Any]:
        """What is known of the best state so far; empty if there is none, or it is damaged."""
        if self._best is None:
            best = self.best()
            self._best = best.facts if best else {}
        return self._best

    def best(self) -> Checkpoint | None:
        """The best state so far; None if there is none, or it is damaged."""
        if not self.best_path.exists():
            return None
        try:
            return _complete(load_checkpoint(self.best_path, self.peers), self.best_path)
        except UserError as error:
            log.warning("%s The best is chosen anew among the states from here on.", error)
            return None

    @property
    def saved_step(self) -> int | None:
        """The step that was saved last by this process."""
        return self._saved_step

    def _sound(self) -> Iterator[tuple[Path, Checkpoint]]:
        """The undamaged checkpoints, newest first."""
        for path in reversed(self._paths()):
            try:
                checkpoint = load_checkpoint(path, self.peers)
                yield path, _complete(checkpoint, path) if self.facts else checkpoint
            except UserError as error:
                log.warning("%s Going back to the one before.", error)

    def _paths(self) -> list[Path]:
        """The numbered checkpoints, oldest first."""
        return sorted(self.folder.glob(f"step-*{SUFFIX}"))


def _complete(checkpoint: Checkpoint, path: Path) -> Checkpoint:
    """The checkpoint, if it says all that a run needs to go on.

    Raises:
        UserError: if it does not.
    """
    if missing := [name for name in ("step", "recipe", "data") if name not in checkpoint.facts]:
        raise UserError(f"{path}: damaged checkpoint: it does not say its {missing[0]}.")
    return checkpoint


def _sound(part: Part, step: int) -> Part:
    """A part that raises where there is a NaN or an infinity, from which no run could go on."""

    def read(first: int, last: int) -> np.ndarray:
        rows = part.read(first, last)
        if not np.isfinite(rows).all():
            raise NotFiniteError(part.name, step)
        return rows

    return part._replace(read=read)
