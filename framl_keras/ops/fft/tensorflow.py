"""Circular correlation with TensorFlow's FFT."""

from typing import Any

import tensorflow as tf

Tensor = Any


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = tf.signal.rfft(a, [length]) * tf.math.conj(tf.signal.rfft(b, [length]))
    return tf.signal.irfft(spectrum, [length])
