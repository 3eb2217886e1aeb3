"""The loss of a head that samples classes, added to the model."""

from typing import Any

import keras
from keras import ops

from framl_keras.ops.cross_entropies import cross_entropies

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable("framl_keras")
class SampledCrossEntropy(keras.layers.Layer):
    """Adds the cross-entropy over sampled classes to the model's loss.

    For a head with `sample_rate` below 1, whose labels are places among the sampled
    classes and are known only to the model. Compile the model without a loss.

    Call arguments:
        logits: `(batch, classes)`, with margin.
        places: integers `(batch,)`; rows with -1 count nothing.

    Output shape:
        The logits, unchanged.

    Example:
    >>> head = ArcMarginLayer(1_000_000, sample_rate=0.1, row_optimizer=RowSGD(0.1))
    >>> logits, places, _ = head(embedding, label)
    >>> model = keras.Model([x, label], SampledCrossEntropy()(logits, places))
    >>> model.compile("sgd")
    """

    def __init__(self, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)

    def call(self, logits: Tensor, places: Tensor) -> Tensor:
        self.add_loss(ops.mean(cross_entropies(logits, places)))
        return logits

    def compute_output_shape(self, logits_shape: Shape, places_shape: Shape) -> Shape:
        return logits_shape

    def compute_output_spec(self, logits: Tensor, places: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(logits.shape, dtype=logits.dtype)
