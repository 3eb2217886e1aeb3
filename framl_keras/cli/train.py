"""`framl-keras train`: train a recipe and verify the result."""

import logging
import shlex
from typing import Any

import click

from framl_keras.cli.options import json_option, recipe_argument, set_option
from framl_keras.cli.show import show


@click.command("train")
@recipe_argument
@set_option
@click.option("--name", help="Name of the run; its folder is runs/NAME.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training data.")
@click.option(
    "--mode",
    type=click.Choice(["fit", "eager"]),
    default="fit",
    show_default=True,
    help="Compiled, or one explicit step at a time.",
)
@click.option(
    "--devices",
    metavar="all|N",
    callback=lambda _, __, given: int(given) if (given or "").isdigit() else given,
    help="How many devices share each step; one if not given. The result is the same.",
)
@click.option("--restart", is_flag=True, help="Begin anew where a stopped run would go on.")
@click.option("--quiet", is_flag=True, help="Say warnings and results only.")
@json_option
def command(
    recipe_file: str,
    changes: tuple[str, ...],
    name: str | None,
    epochs: int | None,
    mode: str,
    devices: int | str | None,
    restart: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Train RECIPE, verify the result and write it to runs/NAME.

    A run that was stopped goes on where it was, and so does a finished one that
    is given more epochs; otherwise one that was finished is put aside first.

    For example: framl-keras train recipes/quickstart.yaml --set train.epochs=10
    """
    from framl_keras import backend
    from framl_keras.errors import UserError

    shortcuts = {"name": name, "train.epochs": epochs}
    given = [f"{key}={value}" for key, value in shortcuts.items() if value is not None]

    from framl_keras.api.train import train

    if quiet:
        logging.getLogger("framl_keras").setLevel(logging.WARNING)
    options: Any = {"restart": restart, "progress": not quiet, "devices": devices}
    run = train(recipe_file, [*changes, *given], mode, **options)
    if run.process:  # the first of those that trained together says what came out
        return 0
    saved = f"Saved {run.path / 'embedder.keras'}, trained with the {backend.choose()} backend"
    if not quiet:
        click.echo(saved, err=True)
    if run.interrupted:
        click.echo(
            f"Go on with: {_again(recipe_file, [*changes, *given], mode, devices)}", err=True
        )
        return 130
    try:
        results = run.results
    except UserError as error:
        if run.pair_sets:
            raise
        click.echo(error, err=True)
        return 0
    show(results, as_json)
    if not quiet:
        click.echo(f"\nSee it as a report: framl-keras eval --run {run.path}", err=True)
    return 0


def _again(recipe_file: str, changes: list[str], mode: str, devices: int | str | None) -> str:
    """The command that goes on with a run that was stopped."""
    settings = [word for change in changes for word in ("--set", change)]
    chosen = ["--mode", mode] if mode != "fit" else []
    spread = ["--devices", str(devices)] if devices else []
    return shlex.join(["framl-keras", "train", recipe_file, *settings, *chosen, *spread])
