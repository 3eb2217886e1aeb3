"""Reading and writing one column of each row: that of the row's label."""

from typing import Any

from keras import ops

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
    columns = ops.maximum(labels, 0)[:, None]
    return ops.squeeze(ops.take_along_axis(values, columns, axis=1), axis=1)


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


def without_padding(values: Tensor, num_classes: int, absent: float) -> Tensor:
    """Writes a value into the columns that are no class's, where a kernel has rows besides.

    Args:
        values: `(batch, rows)`, of which the first `num_classes` columns are classes.
        num_classes: how many classes there are.
        absent: what the others get.

    Returns:
        `(batch, rows)`; the values themselves if each column is a class.
    """
    if values.shape[1] == num_classes:
        return values
    is_class = ops.arange(values.shape[1], dtype="int32") < num_classes
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


def is_nearest(cosines: Tensor, labels: Tensor) -> Tensor:
    """Which rows are nearest to their own class; one with label -1 to none.

    Args:
        cosines: `(batch, num_classes)`.
        labels: int32 `(batch,)`.

    Returns:
        1.0 or 0.0, `(batch,)`, without gradient.
    """
    nearest = at_label(cosines, labels) >= row_max(cosines)
    return ops.stop_gradient(ops.cast(ops.logical_and(nearest, labels >= 0), cosines.dtype))


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
