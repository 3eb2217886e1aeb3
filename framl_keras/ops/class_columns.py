"""Reading and writing one column of each row: that of the row's label."""

from typing import Any

from keras import ops

from framl_keras.ops.backend import class_share, max_of_classes, sum_of_classes, take_columns

Tensor = Any

ABSENT = -1e30  # a logit that counts nothing, and stays finite where there is no other class


def at_label(values: Tensor, labels: Tensor) -> Tensor:
    """The value of each row at its label; for label -1, that of class 0.

    Args:
        values: `(batch, num_classes)`.
        labels: int32 `(batch,)`.

    Returns:
        `(batch,)`.
    """
    return take_columns(values, ops.maximum(labels, 0))


def of_all_classes(here: Tensor, places: Tensor) -> Tensor:
    """A number of each row's own class, from the program that has it.

    Args:
        here: `(batch,)`, without a meaning where the class is elsewhere.
        places: int32 `(batch,)`, -1 where it is elsewhere or there is none.
    """
    return sum_of_classes(ops.where(places >= 0, here, ops.zeros_like(here)))


def log_sum_of_classes(here: Tensor) -> Tensor:
    """The logarithm of a sum of exponentials over all classes, from each program's, `(batch,)`."""
    if class_share()[1] == 1:
        return here
    largest = max_of_classes(here)
    return largest + ops.log(sum_of_classes(ops.exp(here - largest)))


def replace_at_label(values: Tensor, labels: Tensor, new: Tensor) -> Tensor:
    """Writes a new value into each row at its label; rows with label -1 stay.

    Only the one copy of `values` that is returned is made: no one-hot mask.

    Args:
        values: `(batch, num_classes)`.
        labels: int32 `(batch,)`.
        new: `(batch,)`.

    Returns:
        `(batch, num_classes)`.
    """
    new = ops.where(labels < 0, at_label(values, labels), new)
    return write_at_label(values, ops.maximum(labels, 0), new)


def write_at_label(values: Tensor, labels: Tensor, new: Tensor) -> Tensor:
    """As `replace_at_label` where all rows have a label; holds `values` and one copy."""
    rows = ops.arange(ops.shape(labels)[0], dtype="int32")
    return ops.scatter_update(values, ops.stack([rows, labels], axis=1), new)


def larger(a: Tensor, b: Tensor) -> Tensor:
    """The larger of two at each place; Keras' `maximum` rounds float64 to float32 on Torch."""
    return ops.where(b > a, b, a)


def without_padding(values: Tensor, is_class: Tensor | None, absent: float) -> Tensor:
    """Writes a value into the columns that are no class's, where a kernel has rows besides.

    Args:
        values: `(batch, rows)`.
        is_class: which of the columns are classes, bool `(rows,)`; None for all.
        absent: what the others get.

    Returns:
        `(batch, rows)`; the values themselves if each column is a class.
    """
    if is_class is None:
        return values
    return ops.where(is_class, values, ops.cast(absent, values.dtype))


def first_columns(values: Tensor, count: int) -> Tensor:
    """The first columns, `(batch, n) -> (batch, count)`; the values themselves if that is all."""
    return values if values.shape[1] == count else values[:, :count]


def row_max(values: Tensor) -> Tensor:
    """The largest of each row, `(batch,)`, also of an empty batch, which some backends refuse.

    Args:
        values: `(batch, n)`.
    """
    return values[:, 0] if values.shape[0] == 0 else ops.max(values, axis=1)


def is_nearest(own: Tensor, largest: Tensor, labels: Tensor) -> Tensor:
    """Which rows are nearest to their own class; one with label -1 to none.

    Args:
        own: the cosine to the label's class, `(batch,)`.
        largest: the largest of all classes, or of all others, `(batch,)`.
        labels: int32 `(batch,)`.

    Returns:
        1.0 or 0.0, `(batch,)`, without gradient.
    """
    nearest = ops.logical_and(own >= largest, labels >= 0)
    return ops.stop_gradient(ops.cast(nearest, own.dtype))


def spread_columns(logits: Tensor, classes: Tensor, num_classes: int) -> Tensor:
    """Logits to some classes as ones to all, where those left out count nothing.

    Args:
        logits: `(batch, len(classes))`.
        classes: int32, ascending.
        num_classes: how many classes there are.

    Returns:
        `(batch, num_classes)`, with -1e30 for the classes left out.
    """
    absent = ops.full_like(logits[:, :1], ABSENT)
    places = ops.full((num_classes,), ops.shape(classes)[0], dtype="int32")
    seen = ops.arange(ops.shape(classes)[0], dtype="int32")
    places = ops.scatter_update(places, classes[:, None], seen)
    return ops.take(ops.concatenate([logits, absent], axis=1), places, axis=1)
