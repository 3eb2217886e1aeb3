"""What a batch norm does once it is no longer trained."""

import keras
import numpy as np


def is_plain(norm: keras.layers.BatchNormalization) -> bool:
    """Whether it is over the last axis, in float32 or better."""
    axes = norm.axis if isinstance(norm.axis, list | tuple) else [norm.axis]
    rank = norm.input_spec.ndim if norm.input_spec is not None else None
    last = list(axes) in ([-1], [None if rank is None else rank - 1])
    return last and norm.compute_dtype in ("float32", "float64")


def scale_and_shift(norm: keras.layers.BatchNormalization) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift of each channel at inference, float64 `(channels,)` each."""
    mean, variance = (
        np.asarray(each.numpy(), np.float64) for each in (norm.moving_mean, norm.moving_variance)
    )
    gamma = norm.gamma.numpy().astype(np.float64) if norm.scale else 1.0
    beta = norm.beta.numpy().astype(np.float64) if norm.center else 0.0
    scale = gamma / np.sqrt(variance + norm.epsilon)
    return scale, beta - mean * scale
