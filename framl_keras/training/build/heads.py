"""From a recipe's `model` section to the training model's head."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.models import training_model
from framl_keras.recipe import Recipe, RowOptimizerSection
from framl_keras.training.build.optimizers import rate_of

# Keys that are arguments of `ArcMarginLayer` under the same name.
_SAME = ("class_blocks", "scale", "sub_centers", "backward", "interclass_filter", "sample_rate")


def with_head(
    embedder: keras.Model,
    recipe: Recipe,
    class_names: Sequence[str],
    class_sizes: Sequence[int],
    total_steps: int,
) -> keras.Model:
    """The training model around an embedder, with the recipe's head.

    Args:
        embedder: a model from `embedding_model`.
        recipe: what to build.
        class_names: the identity's name at each label.
        class_sizes: how many images each identity has.
        total_steps: of the whole run.

    Raises:
        UserError: if a margin's argument is out of range, or the head and the training
            do not fit together.
    """
    section, num_classes = recipe.model, len(class_sizes)
    loss: dict[str, Any] = {
        "label_smoothing": recipe.train.label_smoothing,
        "class_weights": class_weights(recipe.train.class_weight, class_names, class_sizes),
    }
    if section.head == "softmax":
        return training_model(embedder, num_classes, "softmax", **loss)
    options = loss | {key: getattr(section, key) for key in _SAME}
    if section.sample_rate < 1.0:
        _check_sample(recipe, num_classes)
        options["row_optimizer"] = _row_optimizer(recipe, total_steps)
    try:
        return training_model(
            embedder,
            num_classes,
            class_sizes=class_sizes,
            margin=_margin(recipe),
            seed=recipe.seed,
            **options,
        )
    except ValueError as error:
        raise UserError(f"model: the head cannot be made: {error}") from None


def _margin(recipe: Recipe) -> float | dict[str, Any]:
    """A number, or a mapping of a margin's name and arguments."""
    margin = recipe.model.margin
    if isinstance(margin, float | int):
        return margin
    return margin.model_dump()


def _check_sample(recipe: Recipe, num_classes: int) -> None:
    sampled = math.ceil(recipe.model.sample_rate * num_classes)
    if sampled < recipe.train.batch_size:
        raise UserError(
            f"model.sample_rate: {recipe.model.sample_rate} of {num_classes} classes is {sampled}, "
            f"less than train.batch_size ({recipe.train.batch_size}), and a batch's own classes "
            "must be among them. Raise the rate or make batches smaller."
        )


def _row_optimizer(recipe: Recipe, total_steps: int) -> dict[str, Any]:
    """Arguments of `RowSGD`."""
    rows, optimizer = recipe.model.row_optimizer, recipe.train.optimizer
    if rows is None and optimizer.name.lower() != "sgd":
        raise UserError(
            f"model.sample_rate: below 1 the centers are trained by SGD, and {optimizer.name}'s "
            "learning rate would not suit it. Give model.row_optimizer, such as "
            "{learning_rate: 0.1}."
        )
    if rows is None:
        rows = RowOptimizerSection(
            learning_rate=optimizer.learning_rate,
            momentum=optimizer.momentum,
            nesterov=optimizer.nesterov,
            weight_decay=optimizer.weight_decay or 0.0,
        )
    rate = rate_of(rows.learning_rate, recipe.train.schedule, total_steps)
    return {**rows.model_dump(), "learning_rate": rate}


def class_weights(
    given: Literal["balanced"] | Mapping[str, float] | None,
    class_names: Sequence[str],
    class_sizes: Sequence[int],
) -> list[float] | None:
    """A weight for each class, or None where all count alike.

    Args:
        given: `balanced` for N / (C * n): N images of C classes, n of this one; or weights by
            the classes' names, 1 for those that are not named.
        class_names: the identity's name at each label.
        class_sizes: how many images each identity has, at least one.

    Raises:
        UserError: if a name is no identity's.

    Example:
    >>> class_weights("balanced", ["ada", "eve"], [1, 3])
    [2.0, 0.6666666666666666]
    """
    if given is None:
        return None
    if given == "balanced":
        sizes = np.asarray(class_sizes, dtype=np.float64)
        weights: list[float] = (sizes.sum() / (len(sizes) * sizes)).tolist()
        return weights
    assert not isinstance(given, str)
    if strange := sorted(given.keys() - set(class_names)):
        raise UserError(
            f"train.class_weight: no identity is called {strange[0]!r}. Expected names of the "
            f"training data, such as {class_names[0]!r}, or `balanced`."
        )
    return [float(given.get(name, 1.0)) for name in class_names]
