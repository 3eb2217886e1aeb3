"""What makes a model give fused embeddings: the mirror image, and length one."""

from typing import Any

import keras
from keras import ops

from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class Mirror(keras.layers.Layer):
    """Mirror images: left becomes right.

    Input shape:
        `(batch, height, width, channels)`, of any type.

    Output shape:
        Same as the input.

    Example:
    >>> mirrored = Mirror()(np.array([[[[1], [2]]]], "uint8"))
    >>> np.array(mirrored)[0, 0, :, 0].tolist()
    [2, 1]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, pixels: Tensor) -> Tensor:
        return ops.flip(pixels, axis=2)

    def compute_output_spec(self, pixels: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(pixels.shape, dtype=pixels.dtype)


@keras.saving.register_keras_serializable("framl_keras")
class UnitLength(keras.layers.Layer):
    """Vectors scaled to length one; a zero vector stays zero.

    Input shape:
        `(batch, dim)`.

    Output shape:
        float32 or better, `(batch, dim)`.

    Example:
    >>> [round(float(x), 3) for x in UnitLength()(np.array([[3.0, 4.0]]))[0]]
    [0.6, 0.8]
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, vectors: Tensor) -> Tensor:
        return unit_vectors(vectors)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
