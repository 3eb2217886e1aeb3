"""The losses of a plain Dense."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from framl_keras.ops.backend import all_rows
from framl_keras.ops.class_columns import at_label, is_nearest, row_max
from framl_keras.ops.cross_entropies import over_labeled, smoothed, weighted

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
        own = at_label(logits, labels)
        losses = ops.logsumexp(logits, axis=1) - own
        if self.label_smoothing:
            losses = smoothed(losses, own, ops.mean(logits, axis=1), self.label_smoothing)
        losses = weighted(losses, labels, self.class_weights)
        is_right = is_nearest(own, row_max(logits), labels)
        losses, is_right, labels = all_rows(losses), all_rows(is_right), all_rows(labels)
        return over_labeled(losses, labels), is_right
