"""Cross-entropies of rows, without those that have no label."""

from typing import Any

import keras
from keras import ops

Tensor = Any


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropies `(batch,)` whose mean is that over the rows with a label.

    Args:
        logits: `(batch, classes)`.
        labels: int32 `(batch,)`; rows with -1 count nothing.
    """
    losses = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(labels, 0), logits, from_logits=True
    )
    return over_labeled(losses, labels)


def over_labeled(losses: Tensor, labels: Tensor) -> Tensor:
    """Losses `(batch,)` weighted so that their mean is that over the rows with a label."""
    counts = ops.cast(labels >= 0, losses.dtype)
    share = ops.mean(counts)
    return losses * counts / ops.where(share > 0, share, 1.0)
