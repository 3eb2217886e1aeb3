"""Half precision for a network; head, margin, loss and weights stay in float32."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras


@contextmanager
def built_in(precision: str) -> Iterator[None]:
    """Layers that are made within compute in a Keras dtype policy, such as `mixed_bfloat16`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def with_loss_scale(
    optimizer: keras.optimizers.Optimizer, precision: str
) -> keras.optimizers.Optimizer:
    """An optimizer for `mixed_float16`, whose small gradients would vanish unscaled.

    The scale is part of the optimizer's state; where a gradient overflows the
    step is left out and the scale halved.
    """
    if precision != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)
