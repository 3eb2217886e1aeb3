"""Circular correlation with Torch's FFT."""

from typing import Any

import torch

Tensor = Any


def circular_correlation(a: Tensor, b: Tensor, length: int) -> Tensor:
    """Correlation of real `(..., dim)` over `length` circular shifts, `(..., length)`."""
    spectrum = torch.fft.rfft(a, length) * torch.conj(torch.fft.rfft(b, length))
    return torch.fft.irfft(spectrum, length)
