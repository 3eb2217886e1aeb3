"""Which rows of a batch belong together."""

from typing import Any

from keras import ops

Tensor = Any


def same_and_other(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of a batch that share a class, and pairs that don't.

    Args:
        labels: integers `(batch,)` or `(batch, 1)`; a row with label -1 is in no pair.

    Returns:
        Two of booleans `(batch, batch)`; a row and itself are in neither.
    """
    labels = ops.reshape(ops.cast(labels, "int32"), (-1,))
    labeled = ops.logical_and((labels >= 0)[:, None], (labels >= 0)[None, :])
    equal = ops.equal(labels[:, None], labels[None, :])
    place = ops.arange(ops.shape(labels)[0], dtype="int32")
    apart = ops.not_equal(place[:, None], place[None, :])
    same = ops.logical_and(ops.logical_and(equal, apart), labeled)
    return same, ops.logical_and(ops.logical_not(equal), labeled)
