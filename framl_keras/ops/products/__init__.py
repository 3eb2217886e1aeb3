"""Matrix products with a transposed factor, of which no transposed copy is made."""

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


__all__ = ["left_transposed", "right_transposed"]
