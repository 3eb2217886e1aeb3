"""Dropout whose masks depend on (seed, step) alone."""

from typing import Any

import keras
from keras import ops

from framl_keras.ops.arguments import real, whole
from framl_keras.ops.backend import share_of_rows
from framl_keras.ops.random_bits import counted_uniform

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class CountedDropout(keras.layers.Layer):
    """Dropout that a resumed run continues exactly, with the same masks on every backend.

    Keras' Dropout takes its masks from a generator whose state is not saved
    with the model, and which differs between backends. Here the mask is a pure
    function of the seed and of how many training calls there were; that count
    is a weight, saved like any other.

    Args:
        rate: part of the inputs that is set to zero in training, within [0, 1).
        seed: any integer.

    Input shape:
        Any.

    Output shape:
        As the input's; what is kept is scaled by `1 / (1 - rate)`.

    Raises:
        ValueError: if `rate` is out of range.

    Example:
    >>> layer = CountedDropout(0.5, seed=1)
    >>> tuple(layer(np.ones((2, 512)), training=True).shape)
    (2, 512)

    Reference:
        Srivastava et al., "Dropout", JMLR 2014
    """

    def __init__(self, rate: float, seed: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.rate, self.seed = real("rate", rate, 0.0, 1.0), whole("seed", seed)

    def build(self, input_shape: Shape) -> None:
        """Makes the count of training calls."""
        self.count = self.add_weight(
            name="count",
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Drops in training and passes through otherwise."""
        if not training or not self.rate:
            return inputs
        uniform = counted_uniform(ops.shape(inputs), self.seed, self.count, share_of_rows())
        self.count.assign(self.count + 1)
        kept = ops.cast(uniform >= self.rate, inputs.dtype)
        return inputs * kept * (1.0 / (1.0 - self.rate))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """As the input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
