"""Which identities a recipe trains on, which ones choose, and which ones test."""

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.sources import People, Source, open_sources
from framl_keras.data.sources.image_folder import parts_of
from framl_keras.data.sources.walk import entries_of
from framl_keras.errors import UserError
from framl_keras.recipe import DataSection, Fraction, Parts, Recipe

log = logging.getLogger(__name__)


class Identities(NamedTuple):
    """Parts of the training data that share no identity; None where a part is empty."""

    train: Source
    validation: Source | None
    test: Source | None


def split_identities(data: DataSection) -> Identities:
    """Opens a recipe's training data and splits it as `data.people` says.

    Raises:
        UserError: if the data are missing or damaged, or a part lies outside of them.
    """
    source = open_sources(data.train, data.root, data.on_error, named_columns(data))
    if data.people is None:
        return Identities(source, None, None)
    count = len(source.class_names)
    if isinstance(data.people, Fraction):
        parts = _at_random(data.people, count)
    else:
        people = data.people
        if not isinstance(people, Parts):
            people = Parts.model_construct(train=people, validation=None, test=None)
        parts = _by_position(people, count)
    train, validation, test = (People(source, part) if len(part) else None for part in parts)
    if train is None:
        raise UserError(f"data.people: leaves none of {count} identities to train on.")
    return Identities(train, validation, test)


def split_once(data: DataSection) -> Callable[[], Identities]:
    """`split_identities` of these data when it is first called, and its answer from then on.

    So data that are read for training, validation and tests are opened once, and what they
    leave out is said once.
    """
    return functools.cache(functools.partial(split_identities, data))


def _at_random(people: Fraction, count: int) -> Sequence[np.ndarray]:
    """Labels of each part, drawn with a seed; one identity at least where a part is asked for."""
    order = np.random.default_rng(people.seed).permutation(count)
    train = max(1, round(people.fraction * count))
    validation = max(1, round(people.validation * count)) if people.validation else 0
    parts = np.split(order, [train, train + validation])
    if people.validation and not len(parts[1]):
        raise UserError(
            f"data.people: {people.fraction:g} of {count} identities leave none for validation. "
            "Lower `fraction`, or `validation: null` to have none."
        )
    return [np.sort(part) for part in parts]


def _by_position(people: Parts, count: int) -> Sequence[np.ndarray]:
    """Labels of each part; a part that is left out has all other identities."""
    labels = np.arange(count)
    named = {name: _range(name, part, count) for name, part in people if part is not None}
    taken = np.concatenate(list(named.values()))
    others, none = np.setdiff1d(labels, taken), labels[:0]
    train, test = named.get("train"), named.get("test")
    if train is None:
        train, others = others, none
    return train, named.get("validation", none), others if test is None else test


def _range(name: str, part: tuple[int, int], count: int) -> np.ndarray:
    first, last = part
    if not 1 <= first <= last <= count:
        raise UserError(
            f"`data.people`: {name} must be [first, last] within 1 to {count}, the number of "
            f"identities in the data. Received: [{first}, {last}]."
        )
    return np.arange(first - 1, last)


def open_training_source(recipe: Recipe, split: Callable[[], Identities] | None = None) -> Source:
    """The identities to train on.

    Args:
        recipe: names them.
        split: gives the parts of the recipe's data; see `split_once`.

    Raises:
        UserError: if there are fewer than two.
    """
    source = (split or split_once(recipe.data))().train
    if len(source.class_names) < 2:
        raise UserError(
            f"{recipe.data.train}: one person only ({source.class_names[0]}). Expected two at "
            "least to tell apart; arrange the images as <identity>/<image>."
        )
    return source


def with_parts(recipe: Recipe) -> Recipe:
    """The recipe with the parts of a root such as ImageNet's in place of the root.

    `train`, `val` and `test` below `data.train` become the training, validation and test
    data, the last two where the recipe names none.
    """
    data = recipe.data
    if not isinstance(data.train, str):
        return recipe
    train, validation, test = parts_of(Path(data.train))
    if train is None or not any(entry.is_dir() for entry in entries_of(train, [])):
        return recipe
    update: dict[str, Any] = {"train": str(train)}
    if validation and not data.validation:
        update["validation"] = {"validation": str(validation)}
    if test and not data.test:
        update["test"] = {"test": str(test)}
    replaced = ", ".join(f"data.{key}: {folder}" for key, folder in update.items())
    log.info("%s has the parts of a data set: %s.", data.train, replaced)
    return recipe.model_copy(update={"data": data.model_copy(update=update)})


def named_columns(data: DataSection) -> dict[str, str]:
    """The chosen columns of tables; see `open_source`."""
    return {str(name): column for name, column in data.columns.items()}
