"""Runs a recipe's first steps in one process a backend, one after the other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.recipe import Recipe
from framl_keras.training.parity.compare import Arrays


class Run(NamedTuple):
    """One way to train a recipe."""

    backend: str
    mode: str

    def __str__(self) -> str:
        return f"{self.backend} {self.mode}"


def run_first_steps(
    recipe: Recipe, runs: list[Run], steps: int, double: bool = False
) -> Iterator[tuple[Run, Arrays]]:
    """Gives what `parity_run.first_steps` found in each run.

    Raises:
        UserError: if one of them fails; it says why.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "recipe.yaml"
        file.write_text(recipe.to_yaml(), encoding="utf-8")
        for run in runs:
            yield run, _in_process(run, file, steps, double, Path(folder) / "found.npz")


def _in_process(run: Run, recipe: Path, steps: int, double: bool, output: Path) -> Arrays:
    precision = "float64" if double else "recipe"
    arguments = [str(recipe), run.mode, str(steps), precision, str(output)]
    environment = {**os.environ, "KERAS_BACKEND": run.backend}
    if double:
        environment["JAX_ENABLE_X64"] = "1"  # JAX can be told before it starts only
    done = subprocess.run(
        [sys.executable, "-m", "framl_keras.training.parity.first_steps", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise UserError(f"{run}: {lines[-1] if lines else f'exit status {done.returncode}'}")
    with np.load(output) as arrays:
        return dict(arrays)
