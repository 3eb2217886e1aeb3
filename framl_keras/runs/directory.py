"""Where a run keeps its files: `runs/<name>/`."""

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.recipe import Recipe
from framl_keras.runs.disk import disk_errors_explained
from framl_keras.untrusted.json_text import read_json

RUNS = Path("runs")


class RunDirectory:
    """The files of one run, by name.

    Args:
        path: the run's folder; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    @property
    def embedder(self) -> Path:
        """The trained embedding model."""
        return self.path / "embedder.keras"

    @property
    def logs(self) -> Path:
        """TensorBoard's and CSV logs."""
        return self.path / "logs"

    @property
    def surroundings(self) -> Path:
        """Versions, device and state of the code, a line of JSON for each part of the run."""
        return self.path / "surroundings.jsonl"

    @property
    def checkpoints(self) -> Path:
        """What a run goes on from."""
        return self.path / "checkpoints"

    @property
    def reports(self) -> Path:
        """One folder for each evaluation."""
        return self.path / "reports"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the run for this process while it trains; what the disk refuses is explained."""
        with disk_errors_explained(self.path), locked(self.path):
            yield

    def new_report(self) -> Path:
        """A new folder named after the time, for one evaluation's files."""
        stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
        names = [stamp, *(f"{stamp}-{n}" for n in range(2, 100))]
        folder = next(self.reports / name for name in names if not (self.reports / name).exists())
        folder.mkdir(parents=True)
        return folder

    def write(self, recipe: Recipe, class_names: Sequence[str]) -> None:
        """Writes the resolved recipe and the label map."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with write_beside(self.path / "recipe.yaml") as file:
            file.write_text(recipe.to_yaml(), encoding="utf-8")
        with write_beside(self.path / "classes.json") as file:
            text = json.dumps(list(class_names), ensure_ascii=False, indent=0)
            file.write_text(text, encoding="utf-8")

    def recipe(self) -> Recipe:
        """The recipe that the run was trained with."""
        return Recipe.load(self.path / "recipe.yaml")

    def class_names(self) -> list[str]:
        """The identity's name at each label.

        Raises:
            UserError: if the file is missing or damaged.
        """
        path, remedy = self.path / "classes.json", "Train the run again."
        names = read_json(path, "a run's classes", remedy)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError(f"{path}: not a run's classes: expected a list of names. {remedy}")
        return names

    def check(self) -> "RunDirectory":
        """The run itself, if it holds a trained model.

        Raises:
            UserError: if it does not.
        """
        if not self.path.is_dir():
            raise UserError(
                f"No such run or file: {self.path}. Expected a folder that `train` wrote, one of "
                "its checkpoints, or *.keras."
            )
        if not self.embedder.is_file():
            raise UserError(
                f"No model in the run {self.path}: {self.embedder.name} is missing. "
                f"{self._remedy()}"
            )
        return self

    def _remedy(self) -> str:
        """What to do without a model: use a checkpoint that a killed run left, or train."""
        if checkpoints := sorted(self.checkpoints.glob("*.ckpt")):
            return (
                f"The run did not end; train it on, or name a checkpoint such as {checkpoints[-1]}"
            )
        return "Train it first: framl-keras train RECIPE"


def find_run(path: str | os.PathLike[str] | None = None) -> RunDirectory:
    """The named run, or the newest one that holds a model.

    Raises:
        UserError: if there is none.
    """
    if path is not None:
        return RunDirectory(path).check()
    models = sorted(RUNS.glob("*/embedder.keras"), key=lambda model: model.stat().st_mtime)
    if not models:
        raise UserError(
            f"No trained run in {RUNS}/. Train one first: framl-keras train "
            "recipes/quickstart.yaml, or name one with --run DIR"
        )
    return RunDirectory(models[-1].parent)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for this process; the lock goes with the process, even if it is killed.

    The lock lies beside the folder, which may be renamed meanwhile.

    Raises:
        UserError: if another process holds it (named).
    """
    owner = folder.with_name(f".{folder.name}.owner")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
            yield
    except filelock.Timeout:
        who = owner.read_text(encoding="utf-8") if owner.exists() else "another process"
        raise UserError(
            f"{folder} is being trained by {who}. Wait for it, or choose another --name."
        ) from None
