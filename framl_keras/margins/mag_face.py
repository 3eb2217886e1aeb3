"""MagFace: the length of an embedding learns to tell its quality."""

import math
from typing import Any

from keras import ops

from framl_keras.margins.margin import Margin, mean_of
from framl_keras.margins.registry import register
from framl_keras.ops.arguments import flag, real
from framl_keras.ops.margins import additive_angular_margin

Tensor = Any


@register
class MagFace(Margin):
    """cos(θ + m(a)), with a margin that grows with the embedding's length a.

    m(a) rises linearly from the low to the high margin while a, clipped, goes from
    `shortest` to `longest`. The mean of λ·(1 / a + a / longest²) is added to the
    loss; it rewards length.

    Args:
        low_margin: m at the shortest length, in radians, within [0, pi).
        high_margin: m at the longest length, in radians, within [low_margin, pi).
        shortest: least length that is told apart, positive.
        longest: greatest length that is told apart.
        regularizer: λ, not negative.
        easy_margin: margin only where θ < π/2, as its authors train. False puts it
            everywhere, with FRAML's branch past π, which is their code's other choice.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Meng et al., "MagFace: A Universal Representation for Face Recognition and
        Quality Assessment", CVPR 2021, https://arxiv.org/abs/2103.06627

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=MagFace(regularizer=35))
    """

    def __init__(
        self,
        low_margin: float = 0.45,
        high_margin: float = 0.8,
        shortest: float = 10.0,
        longest: float = 110.0,
        regularizer: float = 35.0,
        easy_margin: bool = True,
    ):
        self.low_margin = real("low_margin", low_margin, 0.0, math.pi)
        self.high_margin = real("high_margin", high_margin, self.low_margin, math.pi)
        self.shortest = real("shortest", shortest, 1e-6)
        self.longest = real("longest", longest, math.nextafter(self.shortest, math.inf))
        self.regularizer = real("regularizer", regularizer, 0.0)
        self.easy_margin = flag("easy_margin", easy_margin)

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_angular_margin(cosine, self.margin_at(norms), easy=self.easy_margin)

    def margin_at(self, norms: Tensor) -> Tensor:
        """m(a) for lengths `(batch,)`."""
        slope = (self.high_margin - self.low_margin) / (self.longest - self.shortest)
        return self.low_margin + slope * (self._clipped(norms) - self.shortest)

    def penalty(self, norms: Tensor, labeled: Tensor) -> Tensor | None:
        norms = self._clipped(norms)
        return self.regularizer * mean_of(1.0 / norms + norms / self.longest**2, labeled)

    def _clipped(self, norms: Tensor) -> Tensor:
        return ops.clip(norms, self.shortest, self.longest)

    def get_config(self) -> dict[str, Any]:
        return {
            "low_margin": self.low_margin,
            "high_margin": self.high_margin,
            "shortest": self.shortest,
            "longest": self.longest,
            "regularizer": self.regularizer,
            "easy_margin": self.easy_margin,
        }
