"""A head's kernel and all that has its rows, with and without those that only fill up shares."""

import keras
import numpy as np

from framl_keras.keras_internals import layers_within
from framl_keras.layers import ArcMarginLayer


class RowsOfClasses:
    """Which of a training model's variables have a row for each class.

    On several devices a kernel has as many rows as make equal shares. What is drawn, saved
    and loaded does not depend on devices: it has the classes' rows only.

    Args:
        model: a built training model, compiled or not.
    """

    def __init__(self, model: keras.Model):
        heads = [layer for layer in layers_within(model) if isinstance(layer, ArcMarginLayer)]
        self._head = next((head for head in heads if head.class_rows != head.num_classes), None)

    def shape_of(self, variable: keras.Variable) -> tuple[int, ...]:
        """A variable's shape without rows that are no class's."""
        shape = tuple(variable.shape)
        if self._head is None or not self._has_rows(variable):
            return shape
        return (self._head.sub_centers * self._head.num_classes, *shape[1:])

    def without_padding(self, variable: keras.Variable, values: np.ndarray) -> np.ndarray:
        """A variable's values without rows that are no class's."""
        if self._head is None or not self._has_rows(variable):
            return values
        by_center = values.reshape(self._head.sub_centers, self._head.class_rows, *values.shape[1:])
        return by_center[:, : self._head.num_classes].reshape(self.shape_of(variable))

    def padded(self, variable: keras.Variable, values: np.ndarray) -> np.ndarray:
        """The inverse: rows of zeros where there is no class."""
        if self._head is None or not self._has_rows(variable):
            return values
        head = self._head
        by_center = values.reshape(head.sub_centers, head.num_classes, *values.shape[1:])
        missing = head.class_rows - head.num_classes
        filled = np.pad(by_center, [(0, 0), (0, missing), *[(0, 0)] * (values.ndim - 1)])
        return filled.reshape(tuple(variable.shape))

    def _has_rows(self, variable: keras.Variable) -> bool:
        """Whether it is the kernel, or a slot of an optimizer's or of sampling for its rows."""
        assert self._head is not None
        is_named = f"{self._head.name}_kernel" in variable.path.replace("/", "_")
        return is_named and tuple(variable.shape[:1]) == tuple(self._head.kernel.shape[:1])
