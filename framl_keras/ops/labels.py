"""Labels of a head's classes: whole numbers from 0, or -1 for none; and what is said of others."""

from typing import Any

import keras
import numpy as np
from keras import ops

from framl_keras.errors import UserError
from framl_keras.keras_internals import as_it_is
from framl_keras.ops.backend import checked_in_graph, is_concrete

Tensor = Any

_NARROW = ("int8", "int16", "uint8", "uint16")  # may not hold the number of classes
_HALF = ("float16", "bfloat16")


def wrong_label(labels: Any, num_classes: int) -> str | None:
    """What is wrong with the first label that is none, in one sentence; None if all are right.

    Args:
        labels: numbers of any shape, as NumPy or a list has them.
        num_classes: how many classes there are.

    Example:
    >>> wrong_label([0, 3, 12], num_classes=10)
    '`labels` must be integers within [0, 10), `num_classes` being 10, or -1 for no label. \
Received: 12 in row 2.'
    """
    values = np.asarray(labels)
    expected = _expected(num_classes)
    if str(values.dtype) in _HALF:
        values = values.astype(np.float32)
    if values.dtype.kind not in "iuf":
        return f"{expected} Received: values of dtype {values.dtype}."
    flat = values.reshape(-1)
    with np.errstate(invalid="ignore"):
        is_right = (flat >= -1) & (flat < num_classes) & (flat == np.floor(flat))
    if is_right.all():
        return None
    row = int(np.argmin(is_right))
    hint = ""
    if flat[row] == num_classes and flat.min() >= 1:
        hint = " Labels count from 0: subtract 1."
    return f"{expected} Received: {flat[row]} in row {row}.{hint}"


def check_labels(labels: Any, num_classes: int, rows: int | None = None) -> Tensor:
    """Labels as a tensor, after a look at their shape, dtype and, where they are there, values.

    Args:
        labels: a tensor, symbolic too, an array or a list.
        num_classes: how many classes there are.
        rows: how many labels there must be, if known.

    Raises:
        UserError: if they are no labels of these classes.
    """
    if not (ops.is_tensor(labels) or isinstance(labels, keras.KerasTensor)):
        array = _as_array(labels)
        _check_shape(array, num_classes, rows)
        _raise_if_wrong(array, num_classes)
        return ops.convert_to_tensor(array.astype("int32"))
    _check_shape(labels, num_classes, rows)
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if "int" not in dtype and "float" not in dtype:
        raise _error(f"{_expected(num_classes)} Received: labels of dtype {dtype}.")
    if ops.is_tensor(labels) and is_concrete(labels):
        _raise_if_wrong(ops.convert_to_numpy(labels), num_classes)
    return labels


def sound_labels(labels: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Labels that do no harm in a compiled graph, where nothing can be raised.

    Args:
        labels: `(batch,)` or `(batch, 1)`, of any integer or float dtype.
        num_classes: how many classes there are.

    Returns:
        int32 `(batch,)`, -1 in place of what is no label; and which rows had one or -1.
    """
    labels = ops.reshape(labels, (-1,))
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if dtype in (*_NARROW, *_HALF):
        dtype = "int32" if dtype in _NARROW else "float32"
        labels = ops.cast(labels, dtype)
    is_right = labels < num_classes
    if not dtype.startswith("uint"):
        is_right = ops.logical_and(is_right, labels >= -1)
    if "float" in dtype:
        is_right = ops.logical_and(is_right, ops.equal(labels, ops.floor(labels)))
        labels = ops.where(is_right, labels, -1.0)
    return ops.where(is_right, ops.cast(labels, "int32"), -1), is_right


def nan_unless(values: Tensor, is_right: Tensor) -> Tensor:
    """NaN in rows whose label is none, so that no wrong number is ever trained on.

    No gradient flows through those rows, so that they don't make the weights NaN as well.

    Args:
        values: `(batch,)` or `(batch, n)`.
        is_right: booleans `(batch,)`, or one for all.
    """
    if len(is_right.shape) < len(values.shape) and len(is_right.shape):
        is_right = is_right[:, None]

    @ops.custom_gradient
    def marked(values: Tensor) -> tuple[Tensor, Any]:
        def backward(*arguments: Tensor, upstream: Tensor = None) -> Tensor:
            if upstream is None:
                (upstream,) = arguments
            return ops.where(is_right, upstream, 0.0)

        return ops.where(is_right, values, float("nan")), backward

    return marked(values)


def nan_unless_all(values: Tensor, is_right: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Logits that are NaN altogether if any label is none; in TensorFlow's graphs an error.

    One row would not do: a loss of others may leave out a row whose label it doesn't know.

    Args:
        values: `(batch, num_classes)`.
        is_right: booleans `(batch,)`.
        labels: as they were given.
        num_classes: how many classes there are.
    """
    all_right = ops.all(is_right)
    message = f"{_expected(num_classes)} Received:"
    return nan_unless(checked_in_graph(values, all_right, message, labels), all_right)


def _expected(num_classes: int) -> str:
    return (
        f"`labels` must be integers within [0, {num_classes}), `num_classes` being "
        f"{num_classes}, or -1 for no label."
    )


def _as_array(labels: Any) -> np.ndarray:
    try:
        return np.asarray(labels)
    except ValueError:
        raise _error(f"`labels` must be integers of shape (batch,). Received: {labels!r}") from None


def _check_shape(labels: Any, num_classes: int, rows: int | None) -> None:
    shape = tuple(labels.shape)
    if len(shape) == 2 and shape[1] == num_classes > 1:
        raise _error(
            "`labels` must be integers of shape (batch,) or (batch, 1), not one-hot: give "
            f"`argmax(labels, axis=-1)`. Received: labels.shape={shape}"
        )
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] not in (1, None)):
        raise _error(
            "`labels` must be integers of shape (batch,) or (batch, 1). "
            f"Received: labels.shape={shape}"
        )
    if rows is not None and shape[0] is not None and shape[0] != rows:
        raise _error(
            "`labels` must have one integer for each row of `embeddings`. "
            f"Received: {shape[0]} labels for {rows} embeddings"
        )


def _raise_if_wrong(labels: np.ndarray, num_classes: int) -> None:
    if wrong := wrong_label(labels, num_classes):
        raise _error(wrong)


def _error(message: str) -> UserError:
    """An error of one line, to which Keras adds no description of the call."""
    return as_it_is(UserError(message))
