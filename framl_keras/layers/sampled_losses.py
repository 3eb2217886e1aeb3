"""The cross-entropy of each row over sampled classes."""

from typing import Any

import keras
from keras import ops

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class SampledLosses(keras.layers.Layer):
    """Each row's loss over sampled classes; their mean is the batch's loss.

    For a head with `sample_rate` below 1, whose labels are places among the sampled
    classes and are known only to the model.

    Call arguments:
        logits: `(batch, classes)`, with margin.
        places: integers `(batch,)`; rows with -1 count nothing.

    Output shape:
        `(batch,)`. Its mean is that over the rows that count.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, logits: Tensor, places: Tensor) -> Tensor:
        return sampled_losses(logits, places)

    def compute_output_shape(self, logits_shape: Shape, places_shape: Shape) -> Shape:
        return logits_shape[:1]

    def compute_output_spec(self, logits: Tensor, places: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(logits.shape[:1], dtype=logits.dtype)


def sampled_losses(logits: Tensor, places: Tensor) -> Tensor:
    """Cross-entropies `(batch,)` whose mean is that over the rows with a place that is not -1."""
    counts = ops.cast(places >= 0, logits.dtype)
    losses = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(places, 0), logits, from_logits=True
    )
    share = ops.mean(counts)
    return losses * counts / ops.where(share > 0, share, 1.0)
