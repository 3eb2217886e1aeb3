"""What a margin head is made with and called with, checked."""

import math
import numbers
from typing import Any

import keras
import numpy as np

from framl_keras.layers.row_sgd import RowSGD
from framl_keras.ops.arguments import real


def is_number(margin: Any) -> bool:
    """Whether a margin is given as ArcFace's m."""
    is_scalar = isinstance(margin, np.ndarray) and margin.ndim == 0
    return is_scalar or isinstance(margin, numbers.Real)


def filter_of(interclass_filter: float | None) -> float | None:
    """A filter's threshold, which is a cosine.

    Raises:
        ValueError: if it is none.
    """
    if interclass_filter is None:
        return None
    low, high = math.nextafter(-1.0, 0.0), math.nextafter(1.0, 2.0)
    expected = "a cosine within (-1, 1], or None"
    return real("interclass_filter", interclass_filter, low, high, expected)


def row_optimizer_of(
    sample_rate: float, row_optimizer: RowSGD | dict[str, Any] | None, kernel_regularizer: Any
) -> RowSGD | None:
    """The optimizer of sampled rows, or None for a head that sees all classes.

    Raises:
        ValueError: if the arguments contradict each other.
    """
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


def two_of(inputs: Any, labels: Any) -> tuple[Any, Any]:
    """Embeddings and labels that came in one list, as other packages' heads take them.

    Raises:
        ValueError: if they came in another form.
    """
    if labels is not None or not 1 <= len(inputs) <= 2 or not hasattr(inputs[0], "shape"):
        raise ValueError(
            "Call it as `layer(embeddings, labels)`, two arguments, or with a list of these two. "
            f"Received: a {type(inputs).__name__} of {len(inputs)} as embeddings"
            f"{'' if labels is None else ', and labels'}"
        )
    return (inputs[0], inputs[1]) if len(inputs) == 2 else (inputs[0], None)


def check_has_labels(losses: bool) -> None:
    """Refuses to give losses of embeddings without labels.

    Raises:
        ValueError: if they are asked for.
    """
    if losses:
        raise ValueError(
            "`losses=True` needs labels: `layer(embeddings, labels, losses=True)`. "
            "Received: labels=None"
        )
