"""Sums up a row's own class and all others in three numbers, without keeping the logits."""

from typing import Any

from keras import ops

from framl_keras.ops.backend import (
    after,
    left_transposed,
    right_transposed,
    subtract_rows,
)
from framl_keras.ops.class_columns import ABSENT, row_max, without_padding, write_at_label
from framl_keras.ops.unit_vectors import inverse_lengths

Tensor = Any


def own_and_others(
    embeddings: Tensor, centers: Tensor, labels: Tensor, scale: float, num_classes: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The three numbers of each row from which a softmax loss with a margin is computed.

    At most two arrays of shape `(batch, num_classes)` are there at a time, forwards and
    backwards, and none in between: the gradient computes the product again. Single
    operations of Keras and a cross-entropy from logits held four to six. Nor is there a
    normalized copy of the centers, or a gradient of one: the product is divided by lengths.

    Args:
        embeddings: of length 1, `(batch, dim)`, float32 or better.
        centers: of ordinary length, see `inverse_lengths`, `(rows, dim)`.
        labels: int32 `(batch,)`, none below 0.
        scale: what the cosines are multiplied with.
        num_classes: how many of the rows are classes, the first; the others count nothing.

    Returns:
        Three `(batch,)`: the cosine to the row's own class; the logarithm of the sum of
        `exp(scale * cosine)` over all others; and the largest cosine among these, which
        has no gradient.
    """

    def forward(embeddings: Tensor, centers: Tensor) -> tuple[Tensor, Any]:
        inverse = inverse_lengths(centers)
        own_centers = ops.take(centers, labels, axis=0) * ops.take(inverse, labels)[:, None]
        own = ops.sum(embeddings * own_centers, axis=1)
        values = _others(embeddings, centers, inverse, labels, scale, num_classes)
        largest = row_max(values)
        # The old array goes as soon as the new one is there, here and below.
        values = values - largest[:, None]
        values = ops.exp(values)
        others = largest + ops.log(ops.sum(values, axis=1))

        held = [embeddings, centers]

        def backward(*arguments: Tensor, upstream: Tensor = None) -> tuple[Tensor, Tensor]:
            if upstream is None:
                (upstream,), arguments = arguments, tuple(held)
            else:  # Torch hands the inputs back, and lets go of them earlier than of this function
                held.clear()
            embeddings, centers = arguments
            # Else the product may be computed while the first is still there, or kept from then.
            embeddings = after(embeddings, others)
            values = _others(embeddings, centers, inverse, labels, scale, num_classes)
            values = values - others[:, None]
            values = ops.exp(values)
            values = values * (scale * upstream[1])[:, None]
            values = write_at_label(values, labels, upstream[0])
            values = values * inverse
            to_embeddings = values @ centers
            # One product at a time: each may want working memory of its own.
            values = after(values, to_embeddings)
            to_centers = left_transposed(values, embeddings)
            # Length doesn't count: what points along the center goes.
            along = ops.einsum("cd,cd->c", to_centers, centers) * ops.square(inverse)
            return to_embeddings, subtract_rows(to_centers, centers, along)

        return ops.stack([own, others, largest / scale]), backward

    own, others, largest = ops.unstack(ops.custom_gradient(forward)(embeddings, centers), 3)
    return own, others, ops.stop_gradient(largest)


def _others(
    embeddings: Tensor,
    centers: Tensor,
    inverse: Tensor,
    labels: Tensor,
    scale: float,
    num_classes: int,
) -> Tensor:
    """The logits, in which the row's own class counts nothing, `(batch, rows)`."""
    logits = right_transposed(scale * embeddings, centers)
    logits = without_padding(logits * inverse, num_classes, ABSENT)
    absent = ops.full_like(embeddings[:, 0], ABSENT)
    return write_at_label(logits, labels, absent)
