"""Cross-entropies of rows: smoothed, weighted by class, and without rows that have no label."""

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from framl_keras.ops.backend import sum_of_classes
from framl_keras.ops.class_columns import log_sum_of_classes, without_padding
from framl_keras.ops.unit_vectors import inverse_lengths

Tensor = Any


def cross_entropies(
    logits: Tensor,
    own: Tensor,
    num_classes: int,
    label_smoothing: float = 0.0,
    is_class: Tensor | None = None,
) -> Tensor:
    """Cross-entropies `(batch,)`.

    Args:
        logits: of the classes that this program has, `(batch, columns)`.
        own: the logit of each row's own class, `(batch,)`.
        num_classes: how many classes there are in all.
        label_smoothing: see `smoothed`.
        is_class: which of the columns are classes, bool `(columns,)`; None for all.
    """
    losses = log_sum_of_classes(ops.logsumexp(logits, axis=1)) - own
    if not label_smoothing:
        return losses
    total = sum_of_classes(ops.sum(without_padding(logits, is_class, 0.0), axis=1))
    return smoothed(losses, own, total / num_classes, label_smoothing)


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
    units: Tensor,
    kernel: Tensor,
    own: Tensor,
    target: Tensor,
    scale: float,
    num_classes: int,
    is_class: Tensor | None = None,
) -> Tensor:
    """The mean over classes of a row's logits, `(batch,)`, without the logits.

    Args:
        units: embeddings of length 1, `(batch, dim)`.
        kernel: the centers that this program has, `(rows, dim)`.
        own: the cosine to the label's class, `(batch,)`.
        target: what stands in its place with the margin, `(batch,)`.
        scale: what the cosines are multiplied with.
        num_classes: how many classes there are in all.
        is_class: which of the rows are classes, bool `(rows,)`; None for all.
    """
    shares = inverse_lengths(kernel) / num_classes
    if is_class is not None:
        shares = shares * ops.cast(is_class, kernel.dtype)
    mean = ops.einsum("bd,d->b", units, ops.einsum("rd,r->d", kernel, shares))
    return scale * (sum_of_classes(mean) + (target - own) / num_classes)


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
