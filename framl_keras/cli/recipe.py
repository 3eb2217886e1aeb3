"""`framl-keras recipe`: show what a recipe means."""

import click


@click.group("recipe")
def command() -> None:
    """Show recipes and their schema."""


@command.command("show")
@click.argument("recipe_file", metavar="RECIPE", type=click.Path())
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe.")
def show(recipe_file: str, changes: tuple[str, ...]) -> None:
    """Print RECIPE, which may be a file of FRAML's, with every default spelled out."""
    from framl_keras.recipe import Recipe

    click.echo(Recipe.load(recipe_file, changes).to_yaml(), nl=False)


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of recipes, from which editors complete keys."""
    import json

    from framl_keras.recipe import Recipe

    click.echo(json.dumps(Recipe.model_json_schema(), indent=2))
