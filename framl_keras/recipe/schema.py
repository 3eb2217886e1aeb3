"""The JSON schema of recipes, from which editors complete and check keys."""

from typing import Any

from framl_keras.recipe.recipe import Recipe


def recipe_schema() -> dict[str, Any]:
    """The JSON schema of recipes.

    Example:
    >>> sorted(recipe_schema()["properties"])[:3]
    ['data', 'imports', 'model']
    """
    return Recipe.model_json_schema()
