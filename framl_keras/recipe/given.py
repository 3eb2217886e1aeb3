"""A recipe as people give it: a packaged name, a file, a mapping, or a recipe."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from framl_keras.errors import UserError
from framl_keras.recipe.changes import apply_change, apply_value
from framl_keras.recipe.recipe import Recipe

Changes = Mapping[str, Any] | Sequence[str]


def recipe_of(
    given: str | os.PathLike[str] | Mapping[str, Any] | Recipe, changes: Changes = ()
) -> Recipe:
    """The recipe that is meant, with some keys changed.

    Args:
        given: the name of a packaged recipe, a file, a mapping of its sections, or a recipe.
        changes: dotted keys with values, `{"train.epochs": 3}`, or `["train.epochs=3"]`.

    Raises:
        UserError: if there is no such recipe, or a key or value is not as expected.
        TypeError: if it is none of these.

    Example:
    >>> content = {"name": "a", "data": {"train": "orl"}, "model": {"backbone": "IResNet18"}}
    >>> recipe_of(content, {"train.epochs": 3}).train.epochs
    3
    """
    if isinstance(given, str | os.PathLike):
        if not isinstance(changes, Mapping):
            return Recipe.load(given, changes)
        return recipe_of(Recipe.load(given), changes) if changes else Recipe.load(given)
    if isinstance(given, Recipe):
        content, where = given.model_dump(mode="json"), f"recipe {given.name}"
    elif isinstance(given, Mapping):
        content, where = _copied(given), "recipe"
    else:
        raise TypeError(
            "`recipe` must be a packaged recipe's name, a file, a mapping or a Recipe. "
            f"Received: {type(given).__name__}"
        )
    for change in changes:
        if isinstance(changes, Mapping):
            apply_value(content, change, changes[change])
        else:
            apply_change(content, change)
    return Recipe.from_content(content, where)


def _copied(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy of the sections, which changes may write into."""
    if not all(isinstance(name, str) for name in mapping):
        raise UserError(f"recipe: expected names as keys. Received: {list(mapping)!r:.80}")
    return {
        name: _copied(value) if isinstance(value, Mapping) else value
        for name, value in mapping.items()
    }
