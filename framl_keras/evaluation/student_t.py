"""Student's t by one integral: with t = sqrt(df) tan(a) its density is cos(a)^(df-1)."""

import numpy as np

LARGEST = 2000.0  # beyond, the normal distribution to four digits
POINTS = 8_001


def _upper_areas(df: float) -> tuple[np.ndarray, np.ndarray]:
    """Angles from 0 to a quarter turn, and the share of the area beyond each."""
    angles = np.linspace(0, np.pi / 2, POINTS)
    density = np.cos(angles) ** (min(df, LARGEST) - 1)
    slices = (density[1:] + density[:-1]) / 2
    beyond = np.append(np.cumsum(slices[::-1])[::-1], 0.0)
    return angles, beyond / beyond[0]


def two_sided_p(t: float, df: float) -> float:
    """The chance of a value as far from zero as `t`.

    Example:
    >>> round(two_sided_p(2.228, 10), 4)
    0.05
    """
    angles, beyond = _upper_areas(df)
    return float(np.interp(np.arctan(abs(t) / np.sqrt(min(df, LARGEST))), angles, beyond))


def two_sided_quantile(level: float, df: float) -> float:
    """How far from zero `level` of the values reach.

    Example:
    >>> round(two_sided_quantile(0.95, 10), 3)
    2.228
    """
    angles, beyond = _upper_areas(df)
    angle = np.interp(-(1 - level), -beyond, angles)
    return float(np.sqrt(min(df, LARGEST)) * np.tan(angle))
