"""Global depthwise convolution: one weighted sum a channel."""

from typing import Any

import keras
from keras import ops

from framl_keras.ops.precision import at_least_float32

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class GlobalDepthwiseConv(keras.layers.Layer):
    """Sums each channel of a feature map over its places, with learned weights.

    The same as a valid `DepthwiseConv2D` whose kernel is as large as the map, with the
    same kernel `(height, width, channels, 1)` and no bias, but as one sum.

    Args:
        kernel_initializer: initializer of the weights.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, channels)`.
    """

    def __init__(self, kernel_initializer: Any = "glorot_uniform", **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=(*input_shape[1:], 1), initializer=self.kernel_initializer
        )

    def call(self, inputs: Tensor) -> Tensor:
        # Not `einsum`, which LiteRT has not. Half precision would lose by a sum of many.
        features, kernel = at_least_float32(inputs, ops.convert_to_tensor(self.kernel))
        return ops.cast(ops.sum(features * kernel[..., 0], axis=(1, 2)), inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "kernel_initializer": initializer}
