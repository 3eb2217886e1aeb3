"""Circular correlation with JAX's FFT."""

from typing import Any

from jax import numpy as jnp

Tensor = Any


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = jnp.fft.rfft(a, length) * jnp.conj(jnp.fft.rfft(b, length))
    return jnp.fft.irfft(spectrum, length)
