"""L2 normalization that is exact at any length, with finite gradients at length zero too."""

from typing import Any

from keras import ops

from framl_keras.ops.precision import at_least_float32

Tensor = Any

# A vector whose components add up to less counts as zero: its gradient, the
# reciprocal of its length, would leave float32.
SHORTEST = 1e-30


def unit_vectors(x: Tensor) -> Tensor:
    """Scales vectors to length 1: x / |x|. A zero vector stays zero, with gradient zero.

    Each vector is first divided by the sum of its components' sizes, so neither very
    long nor very short vectors overflow or vanish in the sum of squares.

    Args:
        x: `(..., dim)`, any float dtype.

    Returns:
        `(..., dim)` in float32 or better.
    """
    (x,) = at_least_float32(x)
    # Constant in the gradient: the result does not depend on the vector's length.
    size = ops.stop_gradient(ops.sum(ops.absolute(x), axis=-1, keepdims=True))
    is_zero = size < SHORTEST
    scaled = x / ops.where(is_zero, 1.0, size)
    squared = ops.sum(ops.square(scaled), axis=-1, keepdims=True)
    return ops.where(is_zero, 0.0, scaled / ops.sqrt(ops.where(is_zero, 1.0, squared)))


def unit_rows(kernel: Tensor) -> Tensor:
    """As `unit_vectors`, for centers of ordinary length: half the memory.

    Args:
        kernel: `(rows, dim)`, float32 or better; rows shorter than 1e-15 stay zero.

    Returns:
        `(rows, dim)`.
    """
    return kernel * inverse_lengths(kernel)[:, None]


def inverse_lengths(kernel: Tensor) -> Tensor:
    """1 / |x| for each row of a kernel; 0, with gradient zero, for one shorter than 1e-15.

    Args:
        kernel: `(rows, dim)`, float32 or better, with rows no longer than 1e18.

    Returns:
        `(rows,)`.
    """
    squared = ops.einsum("rd,rd->r", kernel, kernel)
    is_zero = squared < SHORTEST
    return ops.where(is_zero, 0.0, 1.0 / ops.sqrt(ops.where(is_zero, 1.0, squared)))


def lengths(x: Tensor) -> Tensor:
    """|x|, with gradient zero for a zero vector.

    Args:
        x: `(..., dim)`, float32 or better.

    Returns:
        `(...)`.
    """
    squared = ops.sum(ops.square(x), axis=-1)
    is_zero = squared < SHORTEST
    return ops.where(is_zero, 0.0, ops.sqrt(ops.where(is_zero, 1.0, squared)))
