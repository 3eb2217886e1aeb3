"""TensorFlow's, which takes transposition as an argument."""

from typing import Any

import tensorflow as tf

Tensor = Any


def left_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a.T @ b`, `(k, m), (k, n) -> (m, n)`."""
    return tf.matmul(a, b, transpose_a=True)


def right_transposed(a: Tensor, b: Tensor) -> Tensor:
    """`a @ b.T`, `(m, k), (n, k) -> (m, n)`."""
    return tf.matmul(a, b, transpose_b=True)
