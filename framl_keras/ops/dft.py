"""Circular correlation with a DFT by matrix product: where there is no FFT."""

from typing import Any

import numpy as np
from keras import ops

Tensor = Any


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    real_a, imaginary_a = _transform(a, length)
    real_b, imaginary_b = _transform(b, length)
    real = real_a * real_b + imaginary_a * imaginary_b
    imaginary = imaginary_a * real_b - real_a * imaginary_b
    return _inverse(real, imaginary, length)


def _transform(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of the first length // 2 + 1 frequencies of `(..., dim)`."""
    angles = _angles(length)[: x.shape[-1]]
    return ops.matmul(x, _constant(np.cos(angles), x)), ops.matmul(x, _constant(-np.sin(angles), x))


def _inverse(real: Tensor, imaginary: Tensor, length: int) -> Tensor:
    """The real signal `(..., length)` whose transform has these frequencies."""
    angles = _angles(length).T
    # All frequencies but the first, and the last of an even length, stand for two.
    weights = np.full((len(angles), 1), 2.0 / length)
    weights[0] /= 2
    if length % 2 == 0:
        weights[-1] /= 2
    cosines, sines = weights * np.cos(angles), -weights * np.sin(angles)
    return ops.matmul(real, _constant(cosines, real)) + ops.matmul(
        imaginary, _constant(sines, imaginary)
    )


def _angles(length: int) -> np.ndarray:
    """2π·n·f / length for samples n and frequencies f, reduced exactly before it is rounded."""
    turns = np.outer(np.arange(length), np.arange(length // 2 + 1)) % length
    return 2 * np.pi / length * turns


def _constant(values: np.ndarray, like: Tensor) -> Tensor:
    """NumPy values as a tensor of the dtype of `like`."""
    return ops.convert_to_tensor(values, dtype=like.dtype)
