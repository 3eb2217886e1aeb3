"""Sums up a row's own class and all others in three numbers, without keeping the logits."""

from typing import Any

from keras import ops

from framl_keras.ops.backend import (
    after,
    left_transposed,
    right_transposed,
    subtract_rows,
)
from framl_keras.ops.class_columns import (
    ABSENT,
    at_label,
    row_max,
    without_padding,
    write_at_label,
)
from framl_keras.ops.unit_vectors import inverse_lengths

Tensor = Any


def own_and_others(
    embeddings: Tensor,
    centers: Tensor,
    labels: Tensor,
    scale: float,
    is_class: Tensor | None = None,
    is_here: Tensor | None = None,
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
        is_class: which of the rows are classes, bool `(rows,)`; the others count nothing. None
            for all.
        is_here: bool `(batch,)`, whether the row's own class is among the centers; None where
            all are. Elsewhere its label has no meaning, and its cosine is 0.

    Returns:
        Three `(batch,)`: the cosine to the row's own class; the logarithm of the sum of
        `exp(scale * cosine)` over all others; and the largest cosine among these, which
        has no gradient.
    """

    def forward(embeddings: Tensor, centers: Tensor) -> tuple[Tensor, Any]:
        inverse = inverse_lengths(centers)
        own = _own(embeddings, centers, inverse, labels, is_here)
        values = _others(embeddings, centers, inverse, labels, scale, is_class, is_here)
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
            values = _others(embeddings, centers, inverse, labels, scale, is_class, is_here)
            values = values - others[:, None]
            values = ops.exp(values)
            values = values * (scale * upstream[1])[:, None]
            values = _write_here(values, labels, upstream[0], is_here)
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


def _own(
    embeddings: Tensor, centers: Tensor, inverse: Tensor, labels: Tensor, is_here: Tensor | None
) -> Tensor:
    """The cosine to each row's own class, `(batch,)`."""
    own_centers = ops.take(centers, labels, axis=0) * ops.take(inverse, labels)[:, None]
    own = ops.sum(embeddings * own_centers, axis=1)
    return own if is_here is None else ops.where(is_here, own, 0.0)


def _others(
    embeddings: Tensor,
    centers: Tensor,
    inverse: Tensor,
    labels: Tensor,
    scale: float,
    is_class: Tensor | None,
    is_here: Tensor | None,
) -> Tensor:
    """The logits, in which the row's own class counts nothing, `(batch, rows)`."""
    logits = right_transposed(scale * embeddings, centers)
    logits = without_padding(logits * inverse, is_class, ABSENT)
    absent = ops.full_like(embeddings[:, 0], ABSENT)
    return _write_here(logits, labels, absent, is_here)


def _write_here(values: Tensor, labels: Tensor, new: Tensor, is_here: Tensor | None) -> Tensor:
    """Writes into each row at its label, if its own class is here."""
    if is_here is not None:
        new = ops.where(is_here, new, at_label(values, labels))
    return write_at_label(values, labels, new)
