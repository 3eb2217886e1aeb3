"""Sums and products of large matrices, without the copies that single operations make."""

from typing import Any

from keras import backend, ops

Tensor = Any

if backend.backend() == "tensorflow":
    from framl_keras.ops.products.tensorflow import left_transposed, right_transposed
else:

    def left_transposed(a: Tensor, b: Tensor) -> Tensor:
        """`a.T @ b`, `(k, m), (k, n) -> (m, n)`."""
        return ops.matmul(ops.transpose(a), b)  # a view, or left to the compiler

    def right_transposed(a: Tensor, b: Tensor) -> Tensor:
        """`a @ b.T`, `(m, k), (n, k) -> (m, n)`."""
        return ops.matmul(a, ops.transpose(b))


if backend.backend() == "torch":
    from framl_keras.ops.products.torch import subtract_rows
else:

    def subtract_rows(a: Tensor, rows: Tensor, factors: Tensor) -> Tensor:
        """`a - factors[:, None] * rows`; on Torch in the memory of `a`, which is lost."""
        return a - factors[:, None] * rows  # in place of one of the two, too


__all__ = ["left_transposed", "right_transposed", "subtract_rows"]
