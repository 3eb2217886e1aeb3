"""From a recipe's `data` section to sources, batches and pair sets."""

import logging

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches
from framl_keras.data.pairs import PairSet, held_out_pairs, open_pairs
from framl_keras.data.policies import Policy
from framl_keras.data.sources import Source, open_source, split_by_fraction, split_by_position
from framl_keras.errors import UserError
from framl_keras.recipe import HELD_OUT, DataSection, Fraction, PolicySection, Recipe

log = logging.getLogger(__name__)


def open_training_source(recipe: Recipe) -> Source:
    """The people to train on.

    Raises:
        UserError: if there are fewer than two.
    """
    source, _ = _split(recipe.data)
    if len(source.class_names) < 2:
        raise UserError(
            f"{recipe.data.train}: one person only ({source.class_names[0]}). Expected two at "
            "least to tell apart; arrange the images as <identity>/<image>."
        )
    return source


def open_training_batches(source: Source, recipe: Recipe) -> TrainingBatches:
    """The run's batches, as the recipe orders and augments them.

    Raises:
        UserError: if the augmentation policy cannot be had.
    """
    data = recipe.data
    return TrainingBatches(
        source,
        recipe.train.batch_size,
        data.image_size,
        Augment(**data.augment.model_dump(exclude={"policy", "options"})),
        seed=recipe.seed,
        central_crop=data.central_crop,
        on_error=data.on_error,
        images_per_class=recipe.train.images_per_class,
        policy=_policy(data),
    )


def _policy(data: DataSection) -> Policy | None:
    if not isinstance(data.augment, PolicySection):
        return None
    return Policy(data.augment.policy, data.image_size, data.augment.options)


def open_pair_sets(recipe: Recipe) -> list[PairSet]:
    """The recipe's verification sets.

    Raises:
        UserError: if one of them is missing or cannot be read.
    """
    return [pairs for name in recipe.data.test for pairs in _open(recipe.data, name)]


def open_present_pair_sets(recipe: Recipe) -> list[PairSet]:
    """The verification sets that are there; a warning names each that is not."""
    found = []
    for name in recipe.data.test:
        try:
            found += _open(recipe.data, name)
        except UserError as error:
            log.warning("Training goes on without the verification set %s: %s", name, error)
    return found


def _open(data: DataSection, name: str) -> list[PairSet]:
    location = data.test[name]
    if location != HELD_OUT:
        return open_pairs(location, name)
    _, held_out = _split(data)
    if held_out is None:
        raise UserError(
            f"data.test.{name}: nobody is held out of {data.train}. Expected `data.people` to "
            "leave some people out, such as people: {fraction: 0.8}."
        )
    return [held_out_pairs(held_out, name)]


def _split(data: DataSection) -> tuple[Source, Source | None]:
    """The people to train on and those held out."""
    source = open_source(data.train, data.root, data.on_error)
    if data.people is None:
        return source, None
    if isinstance(data.people, Fraction):
        return split_by_fraction(source, data.people.fraction, data.people.seed)
    return split_by_position(source, *data.people)
