"""The losses of a plain Dense, where labels are smoothed or classes have weights."""

from collections.abc import Sequence
from typing import Any

from framl_keras.ops.class_columns import is_nearest
from framl_keras.ops.cross_entropies import cross_entropies, over_labeled, weighted

Tensor = Any


def softmax_losses(
    logits: Tensor,
    labels: Tensor,
    label_smoothing: float = 0.0,
    class_weights: Sequence[float] | None = None,
) -> tuple[Tensor, Tensor]:
    """What `ArcMarginLayer(...)(embeddings, labels, losses=True)` gives, of logits.

    Args:
        logits: `(batch, classes)`.
        labels: int32 `(batch,)`; rows with -1 count nothing.
        label_smoothing: part of each label that is spread evenly over all classes.
        class_weights: what the losses of each class are multiplied with.

    Returns:
        Two of `(batch,)`: the losses, and 1 where the label's logit is the largest, else 0.
    """
    losses = cross_entropies(logits, labels, logits.shape[1], label_smoothing)
    losses = over_labeled(weighted(losses, labels, class_weights), labels)
    return losses, is_nearest(logits, labels)
