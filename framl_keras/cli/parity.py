"""`framl-keras parity`: train a recipe's first steps on each backend and compare."""

import click

from framl_keras.cli.options import json_option, recipe_argument
from framl_keras.cli.show import show

MODES = ("fit", "eager", "both")


@click.command("parity")
@recipe_argument
@click.option("--steps", default=20, show_default=True, type=click.IntRange(min=1))
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe.")
@click.option("--backends", metavar="NAME,...", help="Which ones; all that are installed if open.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
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
@json_option
def command(
    recipe_file: str,
    steps: int,
    changes: tuple[str, ...],
    backends: str | None,
    mode: str,
    double: bool,
    as_json: bool,
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
    from framl_keras.api.parity import parity

    chosen = backends.split(",") if backends else None
    compared = parity(
        recipe_file, changes, steps, chosen, mode, double, lambda text: click.echo(text, err=True)
    )
    show(compared, as_json)
    return 0 if compared.holds else 1
