"""From a recipe's `data` section to sources, batches and pair sets."""

import logging

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches
from framl_keras.data.pairs import PairSet
from framl_keras.data.policies import Policy
from framl_keras.data.sources import Source
from framl_keras.errors import UserError
from framl_keras.recipe import DataSection, PolicySection, Recipe
from framl_keras.runs.verification_sets import open_pair_set, split_identities

log = logging.getLogger(__name__)


def open_training_source(recipe: Recipe) -> Source:
    """The people to train on.

    Raises:
        UserError: if there are fewer than two.
    """
    source, _ = split_identities(recipe.data)
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


def open_present_pair_sets(recipe: Recipe) -> list[PairSet]:
    """The verification sets that are there; a warning names each that is not."""
    found = []
    for name in recipe.data.test:
        try:
            found += open_pair_set(recipe.data, name)
        except UserError as error:
            log.warning("Training goes on without the verification set %s: %s", name, error)
    return found
