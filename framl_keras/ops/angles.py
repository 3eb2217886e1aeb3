"""Sine and angle from a cosine, with gradients that are finite everywhere."""

from typing import Any

from keras import ops

from framl_keras.ops.backend import arctan2

Tensor = Any


def sine_of(cosine: Tensor) -> Tensor:
    """sin θ = sqrt(1 - cos² θ) for θ in [0, π].

    Where |cos θ| >= 1, rounding included, the sine is 0 and so is its gradient,
    which plain `sqrt` would make infinite (and NaN after the chain rule).

    Args:
        cosine: any shape, float.

    Returns:
        The sine, same shape.
    """
    squared = (1.0 - cosine) * (1.0 + cosine)
    inside = squared > 0
    sine = ops.sqrt(ops.where(inside, squared, 1.0))
    return ops.where(inside, sine, ops.where(ops.isnan(cosine), cosine, 0.0))


def angle_of(cosine: Tensor) -> Tensor:
    """θ in [0, π], as `arccos` but with gradient 0 instead of infinity at cos θ = ±1.

    Args:
        cosine: any shape, float.

    Returns:
        The angle in radians, same shape.
    """
    return arctan2(sine_of(cosine), cosine)
