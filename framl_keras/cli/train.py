"""`framl-keras train`: train a recipe and verify the result."""

from typing import Any

import click


@click.command("train")
@click.argument("recipe_file", metavar="RECIPE", type=click.Path())
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe.")
@click.option("--name", help="Name of the run; its folder is runs/NAME.")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the training data.")
@click.option(
    "--mode",
    type=click.Choice(["fit", "eager"]),
    default="fit",
    show_default=True,
    help="Compiled, or one explicit step at a time.",
)
@click.option("--restart", is_flag=True, help="Begin anew where a stopped run would go on.")
def command(
    recipe_file: str,
    changes: tuple[str, ...],
    name: str | None,
    epochs: int | None,
    mode: str,
    restart: bool,
) -> int:
    """Train RECIPE, verify the result and write it to runs/NAME.

    A run that was stopped goes on where it was; one that was finished is put
    aside first.

    For example: framl-keras train recipes/quickstart.yaml --set train.epochs=10
    """
    from framl_keras import backend
    from framl_keras.recipe import Recipe

    recipe = Recipe.load(
        recipe_file, [*changes, *_shortcuts(name=name, **{"train.epochs": epochs})]
    )
    backend_name = backend.choose()

    from framl_keras.runs.directory import RUNS, RunDirectory
    from framl_keras.training.train import train

    run = RunDirectory(RUNS / recipe.name)
    trained = train(recipe, run, mode, restart)
    click.echo(f"Saved {run.embedder}, trained with the {backend_name} backend", err=True)
    if trained.interrupted:
        return 130
    _report(trained, recipe)
    return 0


def _shortcuts(**values: Any) -> list[str]:
    """The options that stand for a `--set`, as far as they are given."""
    return [f"{key}={value}" for key, value in values.items() if value is not None]


def _report(trained: Any, recipe: Any) -> None:
    """Verifies in every similarity, prints the table and stores the thresholds."""
    from framl_keras.evaluation import SIMILARITIES, evaluate, format_table
    from framl_keras.evaluation.report import weights_hash
    from framl_keras.runs.thresholds import write_thresholds

    if not trained.pair_sets:
        click.echo("No verification set: name one in the recipe's data.test.", err=True)
        return
    results = evaluate(
        trained.embedder,
        trained.pair_sets,
        image_size=recipe.data.image_size,
        central_crop=recipe.data.central_crop,
        similarities=SIMILARITIES,
    )
    write_thresholds(trained.run.path, results, weights_hash(trained.embedder))
    click.echo(format_table(results))
    click.echo(f"\nSee it as a report: framl-keras eval --run {trained.run.path}", err=True)
