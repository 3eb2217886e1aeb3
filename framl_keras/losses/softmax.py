"""The losses of a plain Dense."""

from collections.abc import Sequence
from typing import Any

import keras

from framl_keras.ops.backend import all_rows
from framl_keras.ops.class_columns import is_nearest
from framl_keras.ops.cross_entropies import cross_entropies, over_labeled, weighted

Tensor = Any


class SoftmaxLosses(keras.layers.Layer):
    """What `ArcMarginLayer(...)(embeddings, labels, losses=True)` gives, of logits.

    Args:
        label_smoothing: part of each label that is spread evenly over all classes.
        class_weights: what the losses of each class are multiplied with.
        **options: `name`, `dtype`.
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
        **options: Any,
    ):
        super().__init__(**options)
        self.label_smoothing, self.class_weights = label_smoothing, class_weights

    def call(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The losses and 1 where the label's logit is the largest, else 0, both `(batch,)`.

        Rows with label -1 count nothing. Where several processes share a batch's rows, both
        are of all of them.

        Args:
            logits: `(batch, classes)`.
            labels: int32 `(batch,)`.
        """
        losses = cross_entropies(logits, labels, logits.shape[1], self.label_smoothing)
        losses, is_right = weighted(losses, labels, self.class_weights), is_nearest(logits, labels)
        losses, is_right, labels = all_rows(losses), all_rows(is_right), all_rows(labels)
        return over_labeled(losses, labels), is_right
