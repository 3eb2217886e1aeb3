"""Margins that are fixed numbers: ArcFace, CosFace, SphereFace, and their combination."""

import math
from typing import Any, Literal

from framl_keras.margins.margin import Margin
from framl_keras.margins.registry import register
from framl_keras.ops.arguments import flag, one_of, real
from framl_keras.ops.margins import (
    additive_angular_margin,
    additive_cosine_margin,
    combined_margin,
)

Tensor = Any


@register
class ArcFace(Margin):
    """cos(θ + m).

    Args:
        margin: m in radians, within [0, pi).
        easy_margin: margin only where θ < π/2.
        past_pi: what holds where θ + m > π: `framl`, the seed's and the authors' first
            code's branch; `continuous`; or `raw`, insightface's torch code. See
            `framl_keras.ops.margins.additive_angular_margin`.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Deng et al., "ArcFace", CVPR 2019, https://arxiv.org/abs/1801.07698

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, scale=64, margin=ArcFace(0.5))
    """

    def __init__(
        self,
        margin: float = 0.5,
        easy_margin: bool = False,
        past_pi: Literal["framl", "continuous", "raw"] = "framl",
    ):
        angle = "an angle in radians within [0, pi)"
        self.margin = real("margin", margin, 0.0, math.pi, angle)
        self.easy_margin = flag("easy_margin", easy_margin)
        self.past_pi = one_of("past_pi", past_pi, ("framl", "continuous", "raw"))

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_angular_margin(cosine, self.margin, self.past_pi, self.easy_margin)

    def get_config(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "easy_margin": self.easy_margin,
            "past_pi": self.past_pi,
        }


@register
class CosFace(Margin):
    """cos θ - m.

    Args:
        margin: m, within [0, 2).

    Raises:
        ValueError: if the margin is out of range.

    Reference:
        Wang et al., "CosFace", CVPR 2018, https://arxiv.org/abs/1801.09414

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, scale=64, margin=CosFace(0.35))
    """

    def __init__(self, margin: float = 0.35):
        self.margin = real("margin", margin, 0.0, 2.0)

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_cosine_margin(cosine, self.margin)

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin}


@register
class SphereFace(Margin):
    """ψ(m·θ), the cosine of the multiplied angle, continued so that it always falls.

    ψ(φ) = (-1)^k cos φ - 2k for φ in [kπ, (k + 1)π]. The paper scales by the
    embedding's length and blends the margin in; here the head's scale stands in
    for the length, as in the paper's successor, and there is no blending.

    Args:
        margin: m, within [1, 10); the paper has 4, its successor 1.5.

    Raises:
        ValueError: if the margin is out of range.

    Reference:
        Liu et al., "SphereFace", CVPR 2017, https://arxiv.org/abs/1704.08063, and
        "SphereFace Revived", TPAMI 2022, https://arxiv.org/abs/2109.05565

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, scale=30, margin=SphereFace())
    """

    def __init__(self, margin: float = 1.5):
        self.margin = real("margin", margin, 1.0, 10.0)

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return combined_margin(cosine, self.margin, 0.0, 0.0, past_pi="continuous")

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin}


@register
class Combined(Margin):
    """cos(m1·θ + m2) - m3, with all three at work.

    insightface's torch class of this name ignores m1 and m2 where m3 > 0.

    Args:
        m1: factor of the angle, within [1, 10).
        m2: added to the angle in radians, within [0, pi).
        m3: taken from the cosine, within [0, 2).
        past_pi: `raw`, as the authors' code, or `continuous`, which never rises again.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Deng et al., "ArcFace", CVPR 2019, https://arxiv.org/abs/1801.07698, section 2.2

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=Combined(m1=1, m2=0.3, m3=0.2))
    """

    def __init__(
        self,
        m1: float = 1.0,
        m2: float = 0.3,
        m3: float = 0.2,
        past_pi: Literal["continuous", "raw"] = "raw",
    ):
        self.m1 = real("m1", m1, 1.0, 10.0)
        self.m2 = real("m2", m2, 0.0, math.pi)
        self.m3 = real("m3", m3, 0.0, 2.0)
        self.past_pi = one_of("past_pi", past_pi, ("continuous", "raw"))

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return combined_margin(cosine, self.m1, self.m2, self.m3, self.past_pi)

    def get_config(self) -> dict[str, Any]:
        return {"m1": self.m1, "m2": self.m2, "m3": self.m3, "past_pi": self.past_pi}
