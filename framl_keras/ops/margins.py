"""Margins on the cosine between an embedding and the centre of its class."""

import math
from typing import Any, Literal

from keras import ops

from framl_keras.ops.angles import sine_of

Tensor = Any
PastPi = Literal["framl", "continuous", "raw"]
PAST_PI = ("framl", "continuous", "raw")


def additive_angular_margin(
    cosine: Tensor, margin: float, past_pi: PastPi = "framl", easy: bool = False
) -> Tensor:
    """ArcFace: cos(θ + m), with a choice of what follows where θ + m leaves [0, π].

    Past π the cosine would rise again, so that the worst samples were pushed the wrong way:

    - `framl`: cos θ - m·sin m, as FRAML and the authors' first code have it. It jumps
      at θ = π - m, by 0.117 for m = 0.5.
    - `continuous`: -2 - cos(θ + m), which goes on falling smoothly.
    - `raw`: cos(θ + m) all the way, as insightface's torch code has it.

    Args:
        cosine: cos θ, any shape, float32 or better.
        margin: m in radians.
        past_pi: what holds where cos θ <= cos(π - m).
        easy: put the margin only on samples with θ < π/2 and leave the others alone;
            nothing goes past π then.

    Returns:
        The cosine with margin, same shape.

    Reference:
        Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition",
        CVPR 2019, https://arxiv.org/abs/1801.07698
    """
    shifted = cosine * math.cos(margin) - sine_of(cosine) * math.sin(margin)
    if easy:
        return ops.where(cosine > 0, shifted, cosine)
    if past_pi == "raw":
        return shifted
    beyond = cosine - margin * math.sin(margin) if past_pi == "framl" else -2.0 - shifted
    return ops.where(cosine > math.cos(math.pi - margin), shifted, beyond)
