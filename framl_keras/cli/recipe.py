"""`framl-keras recipe`: list the packaged recipes, show what one means, print the schema."""

import click

from framl_keras.cli.options import recipe_argument
from framl_keras.cli.strict_group import StrictGroup


@click.group("recipe", cls=StrictGroup)
def command() -> None:
    """List and show recipes, and print their schema."""


@command.command("list")
def list_() -> None:
    """List the recipes that come with the package: their names and what they train."""
    from framl_keras.recipe.packaged import about, packaged

    recipes = packaged()
    width = max(map(len, recipes), default=0)
    for name, file in recipes.items():
        click.echo(f"{name:{width}}  {about(file)}")


@command.command("show")
@recipe_argument
@click.option("--set", "changes", metavar="KEY=VALUE", multiple=True, help="Change the recipe.")
def show(recipe_file: str, changes: tuple[str, ...]) -> None:
    """Print RECIPE with every default spelled out.

    RECIPE is a YAML file, a configuration file of FRAML, or the name of a
    packaged recipe.
    """
    from framl_keras.recipe import Recipe

    click.echo(Recipe.load(recipe_file, changes).to_yaml(), nl=False)


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of recipes, from which editors complete and check keys."""
    import json

    from framl_keras.recipe import Recipe

    click.echo(json.dumps(Recipe.model_json_schema(), indent=2))
