"""Margins that are fixed numbers: ArcFace, CosFace, SphereFace, and their combination."""

import math
from typing import Any

import keras

from framl_keras.margins.margin import Margin, check_range
from framl_keras.ops.margins import (
    PastPi,
    additive_angular_margin,
    additive_cosine_margin,
    combined_margin,
)

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
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
    """

    def __init__(self, margin: float = 0.5, easy_margin: bool = False, past_pi: PastPi = "framl"):
        if not 0.0 <= margin < math.pi:
            raise ValueError(
                f"`margin` must be an angle in radians within [0, pi). Received: margin={margin}"
            )
        check_past_pi(past_pi, ("framl", "continuous", "raw"))
        self.margin, self.easy_margin, self.past_pi = margin, easy_margin, past_pi

    def target(self, cosine: Tensor, norms: Tensor, training: bool) -> Tensor:
        return additive_angular_margin(cosine, self.margin, self.past_pi, self.easy_margin)

    def get_config(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "easy_margin": self.easy_margin,
            "past_pi": self.past_pi,
        }


@keras.saving.register_keras_serializable("framl_keras")
class CosFace(Margin):
    """cos θ - m.

    Args:
        margin: m, within [0, 2).

    Raises:
        ValueError: if the margin is out of range.

    Reference:
        Wang et al., "CosFace", CVPR 2018, https://arxiv.org/abs/1801.09414
    """

    def __init__(self, margin: float = 0.35):
        check_range("margin", margin, 0.0, 2.0)
        self.margin = margin

    def target(self, cosine: Tensor, norms: Tensor, training: bool) -> Tensor:
        return additive_cosine_margin(cosine, self.margin)

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin}


@keras.saving.register_keras_serializable("framl_keras")
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
    """

    def __init__(self, margin: float = 1.5):
        check_range("margin", margin, 1.0, 10.0)
        self.margin = margin

    def target(self, cosine: Tensor, norms: Tensor, training: bool) -> Tensor:
        return combined_margin(cosine, self.margin, 0.0, 0.0, past_pi="continuous")

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin}


@keras.saving.register_keras_serializable("framl_keras")
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
    """

    def __init__(self, m1: float = 1.0, m2: float = 0.3, m3: float = 0.2, past_pi: PastPi = "raw"):
        check_range("m1", m1, 1.0, 10.0)
        check_range("m2", m2, 0.0, math.pi)
        check_range("m3", m3, 0.0, 2.0)
        check_past_pi(past_pi, ("continuous", "raw"))
        self.m1, self.m2, self.m3, self.past_pi = m1, m2, m3, past_pi

    def target(self, cosine: Tensor, norms: Tensor, training: bool) -> Tensor:
        return combined_margin(cosine, self.m1, self.m2, self.m3, self.past_pi)

    def get_config(self) -> dict[str, Any]:
        return {"m1": self.m1, "m2": self.m2, "m3": self.m3, "past_pi": self.past_pi}


def check_past_pi(value: str, known: tuple[str, ...]) -> None:
    """Raises a ValueError for an option that the margin does not have."""
    if value not in known:
        raise ValueError(f"`past_pi` must be one of {list(known)}. Received: past_pi={value!r}")
