"""Does a recipe train alike on each backend?"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from framl_keras import backend
from framl_keras.recipe import Recipe
from framl_keras.recipe.given import Changes, recipe_of
from framl_keras.results import Tabular
from framl_keras.training.parity.compare import GRADIENT_BOUND, LOSS_BOUND, Arrays, Parity, compare
from framl_keras.training.parity.processes import Run, run_first_steps

MODES = {"fit": ["fit"], "eager": ["eager"], "both": ["fit", "eager"]}


class BackendParity(Tabular):
    """How far the first steps of a recipe are apart between backends.

    Args:
        steps: what each backend and mode gave.
        compared: how far each went from the first one.
    """

    def __init__(self, steps: Mapping[Run, Arrays], compared: Mapping[Run, Parity]):
        self.steps, self.compared = dict(steps), dict(compared)

    @property
    def holds(self) -> bool:
        """Whether all began alike and stayed within the bounds."""
        return all(parity.holds for parity in self.compared.values())

    def rows(self) -> list[dict[str, Any]]:
        """One row for each backend and mode beside the first."""
        return [
            {
                "run": str(run),
                "losses": float(parity.losses.max()),
                "gradients": parity.gradient.size,
                "end state": parity.weight.size,
                "start": parity.start.size,
                "holds": parity.holds,
            }
            for run, parity in self.compared.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """The rows, and each run's losses."""
        losses = {str(run): arrays["loss"].tolist() for run, arrays in self.steps.items()}
        return {"losses": losses, **super().to_dict(), "holds": self.holds}

    def __str__(self) -> str:
        text = "\n".join(_losses(self.steps))
        first = next(iter(self.steps))
        for run, parity in self.compared.items():
            text += f"\n\n{run} beside {first}\n{_describe(parity)}"
        return text


def parity(
    recipe: str | os.PathLike[str] | Mapping[str, Any] | Recipe,
    changes: Changes = (),
    steps: int = 20,
    backends: Sequence[str] | None = None,
    mode: str = "fit",
    float64: bool = False,
    begin: Callable[[str], None] | None = None,
) -> BackendParity:
    """Trains the first steps of a recipe on each backend, from the same start.

    Each backend runs in a process of its own, so this one needs none.

    Args:
        recipe: see `train`, as is `changes`.
        changes: keys with new values.
        steps: how many.
        backends: names; None for all that are installed.
        mode: `fit`, `eager` or `both`.
        float64: computes all in float64: what differs then is no rounding.
        begin: is told what will be run, before it is.

    Raises:
        UserError: if the recipe is not as expected, or a backend fails; it says why.

    Example:
    >>> parity("quickstart", {"train.batch_size": 8}).holds  # doctest: +SKIP
    True
    """
    if mode not in MODES:
        raise ValueError(f"`mode` must be one of {', '.join(MODES)}. Received: mode={mode!r}")
    chosen = recipe_of(recipe, changes)
    runs = [Run(name, each) for name in backend.among_installed(backends) for each in MODES[mode]]
    if begin is not None:
        precision = " in float64" if float64 else ""
        begin(f"{chosen.name}, {steps} steps{precision}: {', '.join(map(str, runs))}")
    by_run = dict(run_first_steps(chosen, runs, steps, float64))
    return BackendParity(by_run, {run: compare(by_run[runs[0]], by_run[run]) for run in runs[1:]})


def _losses(by_run: Mapping[Run, Arrays]) -> list[str]:
    """A table of losses by step, a column for each run."""
    header = "  step" + "".join(f"{run!s:>18}" for run in by_run)
    columns = zip(*(arrays["loss"] for arrays in by_run.values()), strict=True)
    rows = [f"{n:6}" + "".join(f"{v:18.6f}" for v in row) for n, row in enumerate(columns, 1)]
    return [header, *rows]


def _describe(parity: Parity) -> str:
    """How far one run went from the first."""
    step = parity.parts_at
    parting = f"they part at step {step}" if step else "they don't part"
    worst = int(parity.losses.argmax()) + 1
    lines = [
        f"  losses     {parity.losses.max():.1e} at step {worst}, bound {LOSS_BOUND:g}: {parting}"
    ]
    gradient, weight, start = parity.gradient, parity.weight, parity.start
    lines.append(f"  gradients  {gradient.size:.1e} in {gradient.where}, bound {GRADIENT_BOUND:g}")
    lines.append(f"  end state  {weight.size:.1e} in {weight.where}")
    if start.size:
        lines.append(f"  start      {start.size:.1e} in {start.where}: they did not begin alike")
    return "\n".join(lines)
