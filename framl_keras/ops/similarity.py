"""How alike two vectors are: cosine, squared difference, structural similarity."""

from typing import Any

from keras import ops

from framl_keras.ops.precision import at_least_float32
from framl_keras.ops.unit_vectors import unit_vectors

Tensor = Any

# FRAML's constants: they keep SSIM finite for constant vectors.
SSIM_C1 = 1e-4
SSIM_C2 = 2e-4


def cosine_similarity(a: Tensor, b: Tensor) -> Tensor:
    """a·b / (|a| |b|); 0 where either vector is zero.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Returns:
        `(...)`, float32 or better.
    """
    a, b = at_least_float32(a, b)
    return ops.sum(unit_vectors(a) * unit_vectors(b), axis=-1)


def squared_difference(a: Tensor, b: Tensor) -> Tensor:
    """|a - b|², the squared L2 distance; lower is more alike.

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Returns:
        `(...)`, float32 or better.
    """
    a, b = at_least_float32(a, b)
    return ops.sum(ops.square(a - b), axis=-1)


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """SSIM over the whole vector, with population variances.

    (2 μa μb + C1) (2 σab + C2) / ((μa² + μb² + C1) (σa² + σb² + C2))

    Args:
        a: `(..., dim)`.
        b: `(..., dim)`; leading axes broadcast.

    Returns:
        `(...)`, float32 or better, within [-1, 1].

    Reference:
        Wang et al., "Image quality assessment: from error visibility to structural
        similarity", IEEE TIP 2004.
    """
    a, b = at_least_float32(a, b)
    mean_a, a = _centered(a)
    mean_b, b = _centered(b)
    variances = ops.mean(ops.square(a), axis=-1) + ops.mean(ops.square(b), axis=-1)
    covariance = ops.mean(a * b, axis=-1)
    luminance = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    return luminance * (2 * covariance + SSIM_C2) / (variances + SSIM_C2)


def _centered(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean `(...)` of each vector, and the vectors `(..., dim)` without it."""
    mean = ops.mean(x, axis=-1, keepdims=True)
    return ops.squeeze(mean, axis=-1), x - mean
