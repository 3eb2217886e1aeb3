"""What a batch norm and a PReLU come to once training is over, in one pass over a feature map."""

from typing import Any

import keras

from framl_keras.ops import backend

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class ChannelScale(keras.layers.Layer):
    """x * scale + shift, with a number a channel: a batch norm at inference.

    Input shape:
        `(batch, ..., channels)`.

    Output shape:
        Same as the input.

    Example:
    >>> layer = ChannelScale()
    >>> tuple(layer(np.ones((2, 7, 7, 3))).shape)
    (2, 7, 7, 3)
    """

    def build(self, input_shape: Shape) -> None:
        channels = (input_shape[-1],)
        self.scale = self.add_weight(name="scale", shape=channels, initializer="ones")
        self.shift = self.add_weight(name="shift", shape=channels, initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        scale, shift = (keras.ops.cast(each, x.dtype) for each in (self.scale, self.shift))
        return backend.scaled_channels(x, scale, shift)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


@keras.saving.register_keras_serializable("framl_keras")
class ChannelSlope(keras.layers.Layer):
    """x where it is positive, else slope * x, with a slope a channel: a PReLU at inference.

    Input shape:
        `(batch, ..., channels)`.

    Output shape:
        Same as the input.

    Example:
    >>> layer = ChannelSlope()
    >>> keras.ops.convert_to_numpy(layer(np.array([[1.0, -1.0]]))).tolist()
    [[1.0, -0.25]]
    """

    def build(self, input_shape: Shape) -> None:
        quarter = keras.initializers.Constant(0.25)
        self.slope = self.add_weight(name="slope", shape=input_shape[-1:], initializer=quarter)

    def call(self, x: Tensor) -> Tensor:
        return backend.channel_prelu(x, keras.ops.cast(self.slope, x.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
