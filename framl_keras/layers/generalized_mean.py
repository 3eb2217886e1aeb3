"""Generalized mean pooling: between the average and the largest, by a learned exponent."""

from typing import Any

import keras
from keras import ops

from framl_keras.ops.arguments import positive
from framl_keras.ops.precision import at_least_float32

Tensor = Any
Shape = tuple[int | None, ...]
SMALLEST = 1e-6  # features are raised to it, so that any power and its gradient are finite
SCALE = 2.0**-10  # float32 holds the reciprocals of its largest numbers in full then


def _largest(x: Tensor) -> Tensor:
    """Of each channel, `(batch, 1, 1, channels)`, also of an empty batch."""
    return x[:, :1, :1] if x.shape[0] == 0 else ops.max(x, axis=(1, 2), keepdims=True)


@keras.saving.register_keras_serializable("framl_keras")
class GeneralizedMeanPooling(keras.layers.Layer):
    """(mean of x^p over a feature map's places)^(1/p) for each channel, x at least 1e-6.

    p = 1 is the average, a large p nears the largest. p is learned, one for all channels.

    Args:
        exponent: p at the start, positive.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, channels)`, computed in float32 or better.

    Raises:
        ValueError: if the exponent is not positive.

    Example:
    >>> layer = GeneralizedMeanPooling()
    >>> tuple(layer(np.ones((2, 7, 7, 320))).shape)
    (2, 320)

    Reference:
        Radenovic et al., "Fine-tuning CNN Image Retrieval with No Human Annotation",
        TPAMI 2019, https://arxiv.org/abs/1711.02512
    """

    def __init__(self, exponent: float = 3.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.exponent = positive("exponent", exponent)

    def build(self, input_shape: Shape) -> None:
        self.power = self.add_weight(
            name="power",
            shape=(),
            initializer=keras.initializers.Constant(self.exponent),
            autocast=False,
        )

    def call(self, inputs: Tensor) -> Tensor:
        (x,) = at_least_float32(inputs)
        power = ops.maximum(ops.cast(self.power, x.dtype), 0.1)
        x = ops.where(x > SMALLEST, x, SMALLEST)
        # Divided by the largest, so that no power overflows, and no derivative of the division.
        largest = ops.stop_gradient(_largest(x))
        shares = (x * SCALE) * ops.stop_gradient(1.0 / (largest * SCALE))
        means = ops.mean(ops.exp(power * ops.log(shares)), axis=(1, 2))
        pooled = largest[:, 0, 0] * ops.exp(ops.log(means) / power)
        return ops.cast(pooled, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "exponent": self.exponent}
