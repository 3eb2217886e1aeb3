"""TensorFlow runs whatever has its inputs."""

from typing import Any

import tensorflow as tf

Tensor = Any


def after(value: Tensor, earlier: Tensor) -> Tensor:
    """A value whose use waits until another has been computed."""
    with tf.control_dependencies([earlier]):
        return tf.identity(value)
