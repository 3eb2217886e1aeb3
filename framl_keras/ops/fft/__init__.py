"""Circular correlation by Fourier transform, with the running backend's own FFT.

Each file has one function, `circular_correlation(a, b, length)`: for real a and b
`(..., dim)`, zero-padded to `length`, the sums over n of a[n + k]·b[n] for shifts
k = 0 ... length - 1, counted in a circle. They differ only in whose FFT they call:
`jax`, `torch`, `tensorflow`, or `matmul`, a DFT by matrix product for backends,
devices and export targets that have none.
"""

import importlib
from typing import Any, Literal

from keras import backend

from framl_keras.ops.fft import matmul

Tensor = Any
Transform = Literal["native", "matmul"]

_OWN = ("jax", "tensorflow", "torch")
_backend = backend.backend()
native = importlib.import_module(f"{__name__}.{_backend}") if _backend in _OWN else matmul


def circular_correlation(
    a: Tensor, b: Tensor, length: int, transform: Transform = "native"
) -> Tensor:
    """Sums over n of a[n + k]·b[n] for k = 0 ... length - 1, indices modulo `length`.

    Args:
        a: real `(..., dim)`, float32 or float64.
        b: real `(..., dim)`, same dtype.
        length: what both are zero-padded to, at least `dim`.
        transform: `native` for the backend's FFT, `matmul` for a DFT by matrix product.

    Returns:
        `(..., length)`, same dtype.
    """
    chosen = matmul if transform == "matmul" else native
    return chosen.circular_correlation(a, b, length)
