"""Training in one line, and the run that it leaves."""

import csv
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from framl_keras import backend
from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError
from framl_keras.recipe import Recipe
from framl_keras.recipe.given import recipe_of
from framl_keras.runs.directory import RUNS, RunDirectory, find_run

if TYPE_CHECKING:
    from framl_keras.api.evaluate import Results
    from framl_keras.embedder import Embedder
    from framl_keras.training.from_recipe import Sets


class Run:
    """A run in its folder: what was trained, how it went, and how good it is.

    Args:
        path: the run's folder; None for the newest in `runs/`.

    Attributes:
        interrupted: whether a signal ended the training before its last step.
        process: this process' number among those that trained together, from 0.

    Raises:
        UserError: if there is no trained model in it.

    Example:
    >>> run = Run("runs/quickstart")  # doctest: +SKIP
    >>> run.history["loss"][-1], run.embedder.dim  # doctest: +SKIP
    (1.93, 512)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None):
        self._directory = find_run(path)
        self.interrupted, self.process = False, 0

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._directory.path

    @property
    def recipe(self) -> Recipe:
        """What was trained, every default spelled out."""
        return self._directory.recipe()

    @property
    def class_names(self) -> list[str]:
        """The identity's name at each label."""
        return self._directory.class_names()

    @cached_property
    def embedder(self) -> "Embedder":
        """The trained embedder."""
        from framl_keras.embedder import Embedder  # noqa: PLC0415 - the backend loads then

        return Embedder.load(self.path)

    @property
    def history(self) -> dict[str, list[float]]:
        """The log's columns, a number for each line: `step`, `epoch`, `loss`, `accuracy`, …"""
        path = self._directory.logs / "training.csv"
        if not path.is_file():
            return {}
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("loss")]
        names = list(rows[0]) if rows else []
        return {name: [float(row[name] or "nan") for row in rows] for name in names}

    @cached_property
    def _sets(self) -> "Sets":
        from framl_keras.training.from_recipe import open_sets  # noqa: PLC0415 - the backend loads

        return open_sets(self.recipe)

    @property
    def pair_sets(self) -> Sequence[PairSet]:
        """The recipe's test sets, as far as they are there; those of validation if none is."""
        return self._sets.test or self._sets.choice

    @cached_property
    def results(self) -> "Results":
        """The verification of the embedder on the recipe's sets, in every similarity.

        Thresholds are chosen on the first set of validation, or else of the test, and kept
        with the run.

        Raises:
            UserError: if the recipe names no verification set that is there.
        """
        if not self.pair_sets:
            raise UserError(self._why_not_verified())
        from framl_keras.api.evaluate import evaluate  # noqa: PLC0415 - the backend loads then
        from framl_keras.runs.thresholds import write_thresholds  # noqa: PLC0415

        embedder, choice = self.embedder, self._sets.choice
        results = evaluate(embedder, self.pair_sets, "all", progress=True)
        verified, on = results, self.pair_sets[0].name
        if choice and choice is not self.pair_sets:
            verified = evaluate(embedder, choice[:1], "all", baseline=False, bootstrap=0)
            on = choice[0].name
        write_thresholds(self.path, list(verified), embedder.weights_hash, embedder.view)
        want = "" if self.recipe.data.validation else ", a test set, for want of data.validation"
        results.facts["choice"] = f"Thresholds of {self.path} are chosen on {on}{want}."
        if not self._sets.test:
            results.facts["choice"] += " There is no test set: the numbers are of that set."
        return results

    def _why_not_verified(self) -> str:
        """Why there is nothing to verify on."""
        named = {**self.recipe.data.test, **self.recipe.data.validation}
        if not named:
            return "No verification set: name one in the recipe's data.test."
        return f"Not verified: of the recipe's sets ({', '.join(named)}) none could be read."

    def __repr__(self) -> str:
        state = ", interrupted" if self.interrupted else ""
        return f"Run({str(self.path)!r}{state})"


def train(
    recipe: str | os.PathLike[str] | Mapping[str, Any] | Recipe,
    changes: Mapping[str, Any] | Sequence[str] = (),
    mode: str = "fit",
    callbacks: Sequence[Any] = (),
    name: str | None = None,
    restart: bool = False,
    progress: bool = True,
    devices: int | Literal["all"] | None = None,
) -> Run:
    """Trains a recipe into `runs/<name>/`; a run that was stopped goes on where it was.

    Args:
        recipe: the name of a packaged recipe, a YAML file, a mapping, or a `Recipe`.
        changes: keys with new values, such as `{"train.epochs": 3}`.
        mode: `fit` (compiled) or `eager` (one explicit step at a time), with equal results.
        callbacks: Keras callbacks of your own; they see the training model as `self.model`.
        name: the run's name in place of the recipe's.
        restart: puts an unfinished run aside and begins anew.
        progress: whether each epoch has a bar, or lines where there is no terminal.
        devices: how many share each step, or `all`; None for one. The result is that of one
            but for rounding, and the run may go on with another number.

    Returns:
        The run, with `.embedder`, `.history`, `.results` and `.path`.

    Raises:
        UserError: if the recipe or its data are not as expected, or the loss is not finite.

    Example:
    >>> run = train("quickstart", {"train.epochs": 3})  # doctest: +SKIP
    >>> print(run.results)  # doctest: +SKIP
    """
    chosen = recipe_of(recipe, changes)
    if name is not None:
        chosen = recipe_of(chosen, {"name": name})
    if mode not in ("fit", "eager"):
        raise ValueError(f"`mode` must be `fit` or `eager`. Received: mode={mode!r}")
    backend.choose()

    from framl_keras.training.distribution import devices_for  # noqa: PLC0415
    from framl_keras.training.train import train as train_recipe  # noqa: PLC0415

    directory = RunDirectory(RUNS / chosen.name)
    spread = devices_for(devices, chosen.train.batch_size)
    trained = train_recipe(chosen, directory, mode, restart, callbacks, progress, spread)
    run = Run(directory.path)
    run.interrupted, run.process = trained.interrupted, spread.process
    return run
