"""Checks of what an `ArcMarginLayer` is made with."""

import math
from typing import Any

import keras

from framl_keras.layers.row_sgd import RowSGD


def check_arguments(
    num_classes: int,
    scale: float,
    sub_centers: int,
    backward: str,
    interclass_filter: float | None,
) -> None:
    """Raises a ValueError that names the argument which is out of range."""
    for name, count in (("num_classes", num_classes), ("sub_centers", sub_centers)):
        if not isinstance(count, int) or count < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={count!r}")
    if not 0.0 < scale < math.inf:
        raise ValueError(f"`scale` must be positive and finite. Received: scale={scale}")
    if backward not in ("exact", "straight_through"):
        raise ValueError(
            "`backward` must be one of ['exact', 'straight_through']. "
            f"Received: backward={backward!r}"
        )
    if interclass_filter is not None and not -1.0 < interclass_filter <= 1.0:
        raise ValueError(
            "`interclass_filter` must be a cosine within (-1, 1], or None. "
            f"Received: interclass_filter={interclass_filter}"
        )


def row_optimizer_of(
    sample_rate: float, row_optimizer: RowSGD | dict[str, Any] | None, kernel_regularizer: Any
) -> RowSGD | None:
    """The optimizer of sampled rows, or None for a head that sees all classes.

    Raises:
        ValueError: if the sample rate is out of range, or the arguments contradict each other.
    """
    if not 0.0 < sample_rate <= 1.0:
        raise ValueError(f"`sample_rate` must be within (0, 1]. Received: {sample_rate=}")
    if isinstance(row_optimizer, dict):
        row_optimizer = keras.saving.deserialize_keras_object(row_optimizer)
    if sample_rate == 1.0:
        return None
    if not isinstance(row_optimizer, RowSGD):
        raise ValueError(
            "`sample_rate` below 1 needs a RowSGD as `row_optimizer`, with the model's learning "
            f"rate. Received: row_optimizer={row_optimizer!r}"
        )
    if kernel_regularizer is not None:
        raise ValueError(
            "`kernel_regularizer` would touch all centers. With `sample_rate` below 1 use the "
            "`weight_decay` of `row_optimizer`."
        )
    return row_optimizer
