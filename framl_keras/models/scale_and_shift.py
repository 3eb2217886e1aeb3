"""What a normalization with fixed numbers a channel does: a scale and a shift."""

from typing import Any

import keras
import numpy as np
from keras import layers

NORMS = (layers.BatchNormalization, layers.Normalization)
Norm = Any  # one of NORMS


def is_plain(norm: Norm) -> bool:
    """Whether it is over the last axis, in float32 or better."""
    axes = list(norm.axis) if isinstance(norm.axis, list | tuple) else [norm.axis]
    rank = len((norm.get_build_config() or {}).get("input_shape") or ())
    last = axes in ([-1], [rank - 1])
    return last and norm.compute_dtype in ("float32", "float64")


def scale_and_shift(norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of each channel at inference, float64 `(channels,)` each."""
    if isinstance(norm, layers.Normalization):
        return _of_data(norm)
    mean, variance = _numbers(norm.moving_mean), _numbers(norm.moving_variance)
    gamma = _numbers(norm.gamma) if norm.scale else 1.0
    beta = _numbers(norm.beta) if norm.center else 0.0
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale


def _of_data(norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """Those of the mean and the variance that data had, or of the way back to it."""
    mean, deviation = _numbers(norm.mean), np.sqrt(_numbers(norm.variance))
    deviation = np.maximum(deviation, keras.config.epsilon())
    return (deviation, mean) if norm.invert else (1.0 / deviation, -mean / deviation)


def _numbers(tensor: object) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor).astype(np.float64).reshape(-1)
