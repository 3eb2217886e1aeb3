"""TensorFlow's fused batch normalization."""

import tensorflow as tf

from framl_keras.training.steps.batch_norm import Normalized, biased
from framl_keras.training.steps.step import Tensor


def normalize(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Normalized:
    """Normalizes float32 `(batch, height, width, channels)` by its batch statistics.

    The raw operation is called since `tf.nn`'s wrapper raises small epsilons.
    """
    nothing = tf.zeros(0)  # no moving statistics go in
    found = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=nothing, variance=nothing, epsilon=epsilon
    )
    # For a single value the kernel doesn't correct; its variance is zero anyway.
    count = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32)
    return Normalized(found.y, found.batch_mean, biased(found.batch_variance, count))
