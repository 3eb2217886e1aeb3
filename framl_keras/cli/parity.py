"""`framl-keras parity`: train a recipe's first steps on each backend and compare."""

from typing import Any

import click

MODES = {"fit": ["fit"], "eager": ["eager"], "both": ["fit", "eager"]}


@click.command("parity")
@click.argument("recipe_file", metavar="RECIPE", type=click.Path())
@click.option("--steps", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe.")
@click.option("--backends", metavar="NAME,...", help="Which ones; all that are installed if open.")
@click.option(
    "--mode",
    type=click.Choice(list(MODES)),
    default="fit",
    show_default=True,
    help="Compiled, one explicit step at a time, or both to compare them too.",
)
@click.option(
    "--float64",
    "double",
    is_flag=True,
    help="Compute all in float64: what differs then is no rounding. Several times slower.",
)
def command(
    recipe_file: str,
    steps: int,
    changes: tuple[str, ...],
    backends: str | None,
    mode: str,
    double: bool,
) -> int:
    """Train the first steps of RECIPE on each backend, from the same start.

    Prints the losses and how far weights and first-step gradients are apart.
    The exit status is 1 if the losses differ by more than 1e-3, or the
    gradients by more than 1e-4 of the largest.

    A deep network from random weights multiplies rounding until such bounds are
    out of reach in float32; --float64 tells rounding from a mistake. In float32
    losses agree from trained weights (model.init) in batches of a usual size;
    gradients still differ where rounding switches a ReLU, as TensorFlow's do
    from one number of threads to another.

    For example: framl-keras parity recipes/quickstart.yaml --set train.batch_size=8
    """
    from framl_keras import backend
    from framl_keras.recipe import Recipe
    from framl_keras.training.parity.compare import compare
    from framl_keras.training.parity.processes import Run, run_first_steps

    recipe = Recipe.load(recipe_file, changes)
    names = backend.among_installed(backends.split(",") if backends else None)
    runs = [Run(name, each) for name in names for each in MODES[mode]]
    precision = " in float64" if double else ""
    click.echo(f"{recipe.name}, {steps} steps{precision}: {', '.join(map(str, runs))}", err=True)
    found = dict(run_first_steps(recipe, runs, steps, double))
    compared = {run: compare(found[runs[0]], found[run]) for run in runs[1:]}
    click.echo("\n".join(_losses(found)))
    for run, parity in compared.items():
        click.echo(f"\n{run} beside {runs[0]}\n{_describe(parity)}")
    return 0 if all(parity.holds for parity in compared.values()) else 1


def _losses(found: dict) -> list[str]:
    """A table of losses by step, a column for each run."""
    header = "  step" + "".join(f"{run!s:>18}" for run in found)
    columns = zip(*(arrays["loss"] for arrays in found.values()), strict=True)
    rows = [f"{n:6}" + "".join(f"{v:18.6f}" for v in row) for n, row in enumerate(columns, 1)]
    return [header, *rows]


def _describe(parity: Any) -> str:
    from framl_keras.training.parity.compare import GRADIENT_BOUND, LOSS_BOUND

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
