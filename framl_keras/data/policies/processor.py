"""Runs TensorFlow in the input path on the CPU, without taking a GPU's memory."""

import contextlib
from collections.abc import Callable
from typing import Any


def on_processor(tf: Any, keras: Any) -> Callable[[], Any]:
    """A context in which TensorFlow computes on the processor.

    On another backend TensorFlow is kept from seeing a GPU, whose memory it would claim.

    Args:
        tf: TensorFlow.
        keras: Keras.
    """
    if keras.backend.backend() != "tensorflow":
        with contextlib.suppress(RuntimeError):  # somebody uses it on the GPU already
            tf.config.set_visible_devices([], "GPU")
    return lambda: tf.device("CPU:0")
