"""The verification sets of a recipe, or others in their place."""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from framl_keras.data.inputs import input_images
from framl_keras.data.pairs import PairSet, held_out_pairs, open_pairs
from framl_keras.data.pairs.pair_set import pairs_in_order
from framl_keras.data.sources import Source
from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_answers
from framl_keras.recipe import HELD_OUT, DataSection, Recipe
from framl_keras.runs.identities import Identities, named_columns, split_once


def open_pair_sets(recipe: Recipe) -> list[PairSet]:
    """The recipe's test sets, or those of validation where it names no others.

    Raises:
        UserError: if one of them is missing or cannot be read.
    """
    names = recipe.data.test or recipe.data.validation
    split = split_once(recipe.data)
    return [pairs for name in names for pairs in open_pair_set(recipe.data, name, split)]


def choice_sets(recipe: Recipe) -> dict[str, str]:
    """The sets on which a checkpoint and thresholds are chosen: `validation`, or else `test`."""
    return recipe.data.validation or recipe.data.test


def open_pair_set(
    data: DataSection, name: str, split: Callable[[], Identities] | None = None
) -> list[PairSet]:
    """The verification sets that a recipe has under one name; a folder may hold several.

    Args:
        data: of the recipe.
        name: of the set.
        split: gives the parts of the data; see `split_once`.

    Raises:
        UserError: if it is missing or cannot be read.
    """
    location = {**data.validation, **data.test}[name]
    key = "validation" if name in data.validation else "test"
    if location != HELD_OUT:
        return open_pairs(location, name, data.root, named_columns(data))
    held_out = getattr((split or split_once(data))(), key)
    if held_out is None:
        raise UserError(
            f"data.{key}.{name}: nobody is held out of {data.train}. Expected `data.people` to "
            "leave some people out, such as people: {fraction: 0.8}."
        )
    return [held_out_pairs(held_out, name)]


def recipe_with_sets(recipe: Recipe, sets: Iterable[str]) -> Recipe:
    """The recipe with these verification sets: its own by name, others by path.

    Raises:
        UserError: if it names no set and none is given.
    """
    data, sets = recipe.data, list(sets)
    known = {**data.validation, **data.test}
    if not sets and not known:
        raise UserError(
            f"The recipe {recipe.name} names no verification set. Name one with --set PATH."
        )
    if not sets:
        return recipe
    for name in sets:
        _check_set(name, known)
    test = {_set_name(name, sets, known): known.get(name, name) for name in sets}
    return recipe.model_copy(update={"data": data.model_copy(update={"test": test})})


def _check_set(name: str, known: dict[str, str]) -> None:
    """Refuses what is neither one of the recipe's sets nor there."""
    if name in known or name == HELD_OUT or Path(name).exists():
        return
    expected = f"one of the recipe's sets ({', '.join(known)})" if known else "a set's path"
    raise UserError(f"--set {name}: no such verification set. Expected {expected}, or a path.")


def _set_name(name: str, sets: Sequence[str], known: dict[str, str]) -> str:
    """A recipe's name for a set, or the last part of its path if no other set has the same."""
    stem = Path(name).stem
    is_alone = sum(Path(other).stem == stem for other in sets) == 1
    return stem if is_alone and name not in known else name


def pair_sets_of(
    pairs: Any, recipe: Recipe | None = None, to_choose: bool = False
) -> list[PairSet]:
    """Verification sets as people have them.

    Args:
        pairs: None for the recipe's sets; the name of one of them; a path that `open_pairs`
            knows; a `PairSet`; a source, whose identities give the pairs; triples `(a, b, same)`
            of images as `Embedder.embed` takes them; or a list of names, paths and sets.
        recipe: where None and names come from, if there is one.
        to_choose: whether None means the sets of validation, where there are some.

    Raises:
        UserError: if there is no such set, or it cannot be read.
        TypeError: if it is none of these.
    """
    if pairs is None and recipe is not None:
        return open_pair_sets(recipe_with_sets(recipe, choice_sets(recipe) if to_choose else []))
    if isinstance(pairs, PairSet):
        return [pairs]
    if isinstance(pairs, str | os.PathLike):
        return _named(os.fspath(pairs), recipe)
    if isinstance(pairs, Source):
        return [held_out_pairs(pairs, "pairs")]
    entries = list(pairs) if isinstance(pairs, Iterable) else []
    if entries and all(_is_triple(entry) for entry in entries):
        return [_of_triples(entries)]
    if not entries or any(isinstance(entry, list | tuple) for entry in entries):
        raise TypeError(
            "Expected a path, a verification set, triples (a, b, same), or a list of paths and "
            f"sets. Received: pairs={pairs!r:.80}"
        )
    return [pair_set for entry in entries for pair_set in pair_sets_of(entry, recipe)]


def _named(name: str, recipe: Recipe | None) -> list[PairSet]:
    if recipe is not None:
        return open_pair_sets(recipe_with_sets(recipe, [name]))
    return open_pairs(name, Path(name).stem)


def _is_triple(entry: Any) -> bool:
    return isinstance(entry, list | tuple) and len(entry) == 3


def _of_triples(triples: Sequence[Any]) -> PairSet:
    """The set of some triples `(a, b, same)`."""
    images = input_images([image for a, b, _ in triples for image in (a, b)])
    is_same = as_answers([same for *_, same in triples], "same")
    return pairs_in_order("pairs", images, is_same, "pairs")
