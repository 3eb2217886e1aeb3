"""Margins on the cosine between an embedding and the center of its class."""

import math
from typing import Any, Literal

from keras import ops

from framl_keras.ops.angles import angle_of, sine_of

Tensor = Any
PastPi = Literal["framl", "continuous", "raw"]


def additive_angular_margin(
    cosine: Tensor, margin: float | Tensor, past_pi: PastPi = "framl", easy: bool = False
) -> Tensor:
    """ArcFace: cos(θ + m), with a choice of what follows where θ + m is beyond π.

    There the cosine would rise again, and push the worst samples the wrong way:

    - `framl`: cos θ - m·sin m, as FRAML and the authors' first code have it. It jumps
      at θ = π - m, by 0.117 for m = 0.5.
    - `continuous`: -2 - cos(θ + m), which goes on falling smoothly.
    - `raw`: cos(θ + m) all the way, as insightface's torch code has it.

    Args:
        cosine: cos θ, any shape, float32 or better.
        margin: m in radians, within [0, π); a number or a tensor that broadcasts.
        past_pi: what holds where cos θ <= cos(π - m).
        easy: put the margin only on samples with θ < π/2 and leave the others alone.

    Returns:
        The cosine with margin, same shape.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
        CVPR 2019, https://arxiv.org/abs/1801.07698
    """
    cos_m, sin_m = _cosine_and_sine(margin)
    shifted = cosine * cos_m - sine_of(cosine) * sin_m
    if easy:
        return ops.where(cosine > 0, shifted, cosine)
    if past_pi == "raw":
        return shifted
    beyond = cosine - margin * sin_m if past_pi == "framl" else -2.0 - shifted
    return ops.where(cosine > -cos_m, shifted, beyond)


def _cosine_and_sine(angle: float | Tensor) -> tuple[Any, Any]:
    if isinstance(angle, int | float):
        return math.cos(angle), math.sin(angle)
    return ops.cos(angle), ops.sin(angle)


def additive_cosine_margin(cosine: Tensor, margin: float | Tensor) -> Tensor:
    """CosFace: cos θ - m.

    Args:
        cosine: cos θ, any shape, float32 or better.
        margin: m; a number or a tensor that broadcasts.

    Returns:
        The cosine with margin, same shape.

    Reference:
        Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition",
        CVPR 2018, https://arxiv.org/abs/1801.09414
    """
    return cosine - margin


def combined_margin(
    cosine: Tensor, m1: float, m2: float, m3: float, past_pi: PastPi = "raw"
) -> Tensor:
    """cos(m1·θ + m2) - m3.

    Args:
        cosine: cos θ, any shape, float32 or better.
        m1: factor of the angle, at least 1.
        m2: added to the angle, in radians.
        m3: taken from the cosine.
        past_pi: `raw` lets the cosine rise again where m1·θ + m2 > π; `continuous`
            goes on falling, see `monotone_cosine`.

    Returns:
        The cosine with margin, same shape.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
        CVPR 2019, https://arxiv.org/abs/1801.07698, section 2.2
    """
    angle = m1 * angle_of(cosine) + m2
    return (monotone_cosine(angle) if past_pi == "continuous" else ops.cos(angle)) - m3


def monotone_cosine(angle: Tensor) -> Tensor:
    """ψ(φ) = (-1)^k cos φ - 2k for φ in [kπ, (k + 1)π]: the cosine, falling for ever.

    Args:
        angle: φ >= 0 in radians, any shape.

    Returns:
        Same shape.

    Reference:
        Liu et al., "SphereFace: Deep Hypersphere Embedding for Face Recognition",
        CVPR 2017, https://arxiv.org/abs/1704.08063
    """
    turns = ops.stop_gradient(ops.floor(angle / math.pi))
    sign = 1.0 - 2.0 * ops.mod(turns, 2.0)
    return sign * ops.cos(angle) - 2.0 * turns
