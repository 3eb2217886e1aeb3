"""Cross-entropies of rows: smoothed, weighted by class, and without rows that have no label."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from framl_keras.ops.class_columns import at_label, first_columns
from framl_keras.ops.unit_vectors import inverse_lengths

Tensor = Any


def cross_entropies(
    logits: Tensor, labels: Tensor, num_classes: int, label_smoothing: float = 0.0
) -> Tensor:
    """Cross-entropies `(batch,)`, those of rows with label -1 without a meaning.

    Args:
        logits: `(batch, columns)`.
        labels: int32 `(batch,)`.
        num_classes: how many of the columns are classes, the first.
        label_smoothing: see `smoothed`.
    """
    labels = ops.maximum(labels, 0)
    losses = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    if not label_smoothing:
        return losses
    mean = ops.mean(first_columns(logits, num_classes), axis=1)
    return smoothed(losses, at_label(logits, labels), mean, label_smoothing)


def smoothed(losses: Tensor, own: Tensor, mean: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropies against 1 - ε at the label and ε spread evenly over all classes.

    Args:
        losses: those against the label alone, `(batch,)`.
        own: the label's logit, `(batch,)`.
        mean: of the logits of all classes, `(batch,)`.
        label_smoothing: ε.

    Reference:
        Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016
    """
    return losses + label_smoothing * (own - mean)


def mean_logit(
    units: Tensor, kernel: Tensor, own: Tensor, target: Tensor, scale: float, num_classes: int
) -> Tensor:
    """The mean over classes of a row's logits, `(batch,)`, without the logits.

    Args:
        units: embeddings of length 1, `(batch, dim)`.
        kernel: centers, `(rows, dim)`, of which the first `num_classes` are classes.
        own: the cosine to the label's class, `(batch,)`.
        target: what stands in its place with the margin, `(batch,)`.
        scale: what the cosines are multiplied with.
        num_classes: number of classes.
    """
    is_class = ops.arange(kernel.shape[0], dtype="int32") < num_classes
    shares = inverse_lengths(kernel) * ops.cast(is_class, kernel.dtype) / num_classes
    mean = ops.einsum("bd,d->b", units, ops.einsum("rd,r->d", kernel, shares))
    return scale * (mean + (target - own) / num_classes)


def weighted(losses: Tensor, labels: Tensor, class_weights: npt.ArrayLike | None) -> Tensor:
    """Losses `(batch,)` times the weight of their label's class, if there are weights."""
    if class_weights is None:
        return losses
    weights = ops.convert_to_tensor(np.asarray(class_weights), dtype=losses.dtype)
    return losses * ops.take(weights, ops.maximum(labels, 0))


def over_labeled(losses: Tensor, labels: Tensor) -> Tensor:
    """Losses `(batch,)` weighted so that their mean is that over the rows with a label."""
    counts = ops.cast(labels >= 0, losses.dtype)
    share = ops.mean(counts)
    return losses * counts / ops.where(share > 0, share, 1.0)
