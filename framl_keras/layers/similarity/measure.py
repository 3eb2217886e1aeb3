"""What all similarity layers share."""

from typing import Any

import keras
import numpy as np

from framl_keras.ops.precision import working_dtype

Tensor = Any
Shape = tuple[int | None, ...]


class SimilarityMeasure(keras.layers.Layer):
    """Base of layers that compare two batches of vectors, pair by pair.

    A subclass defines `call(a, b)`. Values are float32 or better under any dtype
    policy: inputs are not cast down.

    Call arguments:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Output shape:
        `(...)`.

    Raises:
        ValueError: if the vectors differ in length.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """The measure turned so that lower is more alike: 1 - value.

        Args:
            a: `(..., dim)`.
            b: `(..., dim)`; leading axes broadcast.

        Returns:
            `(...)`, what verification thresholds.
        """
        return 1.0 - self(a, b)

    def compute_output_shape(self, a_shape: Shape, b_shape: Shape) -> Shape:
        if a_shape[-1] != b_shape[-1]:
            raise ValueError(
                "Both inputs must be vectors of the same length. "
                f"Received: shapes {tuple(a_shape)} and {tuple(b_shape)}"
            )
        return broadcast_leading(tuple(a_shape[:-1]), tuple(b_shape[:-1]))

    def compute_output_spec(self, a: Tensor, b: Tensor) -> keras.KerasTensor:
        shape = self.compute_output_shape(a.shape, b.shape)
        return keras.KerasTensor(shape, dtype=working_dtype(a.dtype, b.dtype))


def broadcast_leading(a: Shape, b: Shape) -> Shape:
    """NumPy's broadcasting of two shapes, where an unknown size matches any."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    return tuple(_broadcast_size(x, y) for x, y in zip(a, b, strict=True))


def _broadcast_size(x: int | None, y: int | None) -> int | None:
    if x is None or y is None:
        known = y if x is None else x
        return None if known == 1 else known
    return np.broadcast_shapes((x,), (y,))[0]
