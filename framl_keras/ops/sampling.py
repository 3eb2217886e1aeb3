"""Which classes a step of Partial FC looks at."""

from typing import Any

from keras import ops

from framl_keras.ops.random_bits import counted_uniform

Tensor = Any


def sample_classes(
    labels: Tensor, num_classes: int, count: int, seed: int, step: Tensor
) -> tuple[Tensor, Tensor]:
    """All classes of a batch and random others, `count` in all.

    Args:
        labels: int32 `(batch,)`; -1 stands for no class.
        num_classes: how many classes there are.
        count: how many to take, at least the batch's number of classes.
        seed: any integer.
        step: integer scalar; the same seed and step give the same classes anywhere.

    Returns:
        The classes, sorted, int32 `(count,)`; and the place of each label among them,
        int32 `(batch,)`, -1 where the label is.
    """
    keys = counted_uniform((num_classes + 1,), seed, step)
    # Rows without a label go to one place more, which is cut off.
    places = ops.where(labels < 0, num_classes, labels)
    keys = ops.scatter_update(keys, places[:, None], ops.full_like(places, 2, dtype="float32"))
    _, classes = ops.top_k(keys[:num_classes], count, sorted=False)
    classes = ops.sort(ops.cast(classes, "int32"))
    found = ops.cast(ops.searchsorted(classes, labels), "int32")
    found = ops.minimum(found, count - 1)
    is_there = ops.equal(ops.take(classes, found, axis=0), labels)
    return classes, ops.where(is_there, found, -1)
