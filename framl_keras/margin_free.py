"""Accuracy as it will be at inference: on logits that carry no margin."""

from typing import Any

import keras
from keras import ops

KerasTensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class MarginFreeAccuracy(keras.layers.Layer):
    """Passes margin logits through and counts hits on those without margin.

    A margin lowers the true class's logit, so accuracy on the logits that are
    trained looks worse than the model is. `fit` reports this layer's metric as
    `accuracy`, with nothing to compile.

    Call arguments:
        logits: `(batch, num_classes)`, returned unchanged.
        plain_logits: `(batch, num_classes)`, without margin.
        labels: integers `(batch,)`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.accuracy = keras.metrics.Mean(name="accuracy")

    def call(
        self, logits: KerasTensor, plain_logits: KerasTensor, labels: KerasTensor
    ) -> KerasTensor:
        hits = ops.equal(ops.argmax(plain_logits, axis=-1), ops.cast(labels, "int32"))
        self.accuracy.update_state(ops.cast(hits, "float32"))
        return logits

    def compute_output_shape(self, logits_shape: tuple, *_: tuple, **__: tuple) -> tuple:
        return logits_shape
