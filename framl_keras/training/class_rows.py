"""Which of a training model's variables have rows of classes, and where these rows are.

Devices may share them, with some more rows than there are classes, to have equal shares. What is
drawn, saved and loaded does not depend on devices: there an array has its classes' rows only,
those of the first sub-center, then those of the second, and so on.
"""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import numpy as np

from framl_keras.keras_internals import layers_within
from framl_keras.layers import ArcMarginLayer
from framl_keras.ops.backend import class_shards, fill_rows, held_rows, whole_rows
from framl_keras.runs.checkpoint import Part, whole

_AT_ONCE = 2**25  # bytes that are read beside what they are read into
Rows = Callable[[int, int], np.ndarray]  # from the first and one beyond the last


class _Layout(NamedTuple):
    """How a variable's rows follow each other where devices share them.

    Attributes:
        classes: how many have rows, without those that only fill up.
        centers: rows of each class.
        filling: what stands in the rows that are no class's; None for zeros.
    """

    classes: int
    centers: int
    filling: Rows | None = None


class ClassRows:
    """The rows of classes in a model.

    Args:
        model: a built training model, compiled or not.
    """

    def __init__(self, model: keras.Model):
        heads = [layer for layer in layers_within(model) if isinstance(layer, ArcMarginLayer)]
        self._head = heads[0] if heads and class_shards() > 1 else None

    def shape_of(self, variable: keras.Variable) -> tuple[int, ...]:
        """A variable's shape without rows that are no class's, on all devices together."""
        layout, shape = self._layout(variable), tuple(variable.shape)
        return shape if layout is None else (layout.classes * layout.centers, *shape[1:])

    def parts(self, name: str, variable: keras.Variable, leads: bool) -> Iterator[Part]:
        """What this process has of a variable, and is the one to save.

        Args:
            name: of the array.
            variable: its variable.
            leads: whether the process saves what all have.
        """
        layout = self._layout(variable)
        if layout is None:
            if leads:
                yield _all_of(name, variable)
            return
        shape, dtype = self.shape_of(variable), np.dtype(variable.dtype)
        for first, last, read in held_rows(variable):
            low, high = first // layout.centers, min(last // layout.centers, layout.classes)
            for center in range(layout.centers) if low < high else ():
                before = center * layout.classes
                rows = _strided(read, layout.centers, center, before)
                yield Part(name, shape, dtype, before + low, before + high, rows)

    def put(self, variable: keras.Variable, rows: Rows) -> None:
        """Writes a variable.

        Args:
            variable: what is written.
            rows: gives rows of the array; of a scalar, it.
        """
        layout = self._layout(variable)
        if layout is None:
            variable.assign(rows(0, variable.shape[0] if tuple(variable.shape) else 1))
            return

        def made(first: int, last: int) -> np.ndarray:
            shape = (last - first, *variable.shape[1:])
            values = np.zeros(shape, np.dtype(variable.dtype))
            if layout.filling:
                values[:] = layout.filling(first, last)
            low, high = first // layout.centers, min(last // layout.centers, layout.classes)
            for center in range(layout.centers) if low < high else ():
                before = center * layout.classes
                own_rows = values[center :: layout.centers][: high - low]
                _copy(own_rows, rows, before + low)
            return values

        fill_rows(variable, made)

    def has_rows(self, variable: keras.Variable) -> bool:
        """Whether devices share the variable's rows."""
        return self._layout(variable) is not None

    def _layout(self, variable: keras.Variable) -> _Layout | None:
        """How the rows lie, of the head's variables and the optimizer's slots for them."""
        if self._head is None:
            return None
        head, path, rows = self._head, variable.path.replace("/", "_"), tuple(variable.shape[:1])
        if f"{head.name}_kernel" in path and rows == tuple(head.kernel.shape[:1]):
            return _Layout(head.num_classes, head.sub_centers)
        sampled = head.sampled_kernel
        if sampled is None:
            return None
        if f"{head.name}_row_gradient" in path and rows == tuple(sampled.gradient.shape[:1]):
            return _Layout(sampled.num_sampled, head.sub_centers)
        if variable is sampled.drawn:
            return _Layout(sampled.num_sampled, 1, sampled.draws)
        return None


def _copy(values: np.ndarray, rows: Rows, first: int) -> None:
    """Fills values `(n, ...)` with rows from the first on, some at a time."""
    step = max(1, _AT_ONCE // max(1, values[:1].nbytes))
    for start in range(0, len(values), step):
        end = min(len(values), start + step)
        values[start:end] = rows(first + start, first + end)


def _all_of(name: str, variable: keras.Variable) -> Part:
    """A variable that a process has whole, copied from its device some rows at a time."""
    shape, dtype = tuple(variable.shape), np.dtype(variable.dtype)
    if not shape:
        return whole(name, keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable)))

    return Part(name, shape, dtype, 0, shape[0], functools.partial(whole_rows, variable))


def _strided(read: Rows, centers: int, center: int, before: int) -> Rows:
    """Reads the rows of one sub-center, of which each class has several."""
    return lambda first, last: read((first - before) * centers, (last - before) * centers)[
        center::centers
    ]
