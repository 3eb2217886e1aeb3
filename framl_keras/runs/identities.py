"""Which identities a recipe trains on, which ones choose, and which ones test."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from framl_keras.data.sources import People, Source, open_sources
from framl_keras.errors import UserError
from framl_keras.recipe import DataSection, Fraction, Parts, Recipe


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


def open_training_source(recipe: Recipe) -> Source:
    """The identities to train on.

    Raises:
        UserError: if there are fewer than two.
    """
    source = split_identities(recipe.data).train
    if len(source.class_names) < 2:
        raise UserError(
            f"{recipe.data.train}: one person only ({source.class_names[0]}). Expected two at "
            "least to tell apart; arrange the images as <identity>/<image>."
        )
    return source


def named_columns(data: DataSection) -> dict[str, str]:
    """The chosen columns of tables; see `open_source`."""
    return {str(name): column for name, column in data.columns.items()}
