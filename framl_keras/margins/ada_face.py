"""AdaFace: the margin follows the image's quality."""

import math
from typing import Any

import keras
from keras import ops

from framl_keras.margins.margin import AddWeight, Margin, mean_of
from framl_keras.margins.registry import register
from framl_keras.ops.angles import angle_of
from framl_keras.ops.arguments import real

Tensor = Any

SHORTEST, LONGEST = 1e-3, 100.0  # norms are clipped to these, as in the authors' code
EDGE = 1e-3  # so near to 0 and π the shifted angle may come


@register
class AdaFace(Margin):
    """cos(θ - m·z) - (m + m·z), z = clip(h·(|x| - μ) / σ, -1, 1).

    The length |x| of the embedding stands for the image's quality; z is without
    gradient. μ and σ are running statistics of the lengths, saved with the head.

    Args:
        margin: m, within [0, pi/2).
        concentration: h, positive.
        momentum: how much of the old statistics stays at each step. The paper has
            0.99; the authors' class keeps 0 unless told otherwise.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Kim et al., "AdaFace: Quality Adaptive Margin for Face Recognition", CVPR 2022,
        https://arxiv.org/abs/2204.00964

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=AdaFace(margin=0.4))
    """

    def __init__(self, margin: float = 0.4, concentration: float = 0.333, momentum: float = 0.99):
        self.margin = real("margin", margin, 0.0, math.pi / 2)
        self.concentration = real("concentration", concentration, 1e-6, 1e6)
        self.momentum = real("momentum", momentum, 0.0, 1.0)

    def build(self, add_weight: AddWeight) -> None:
        constant = keras.initializers.Constant
        self.mean = add_weight(name="norm_mean", shape=(), initializer=constant(20.0))
        self.deviation = add_weight(name="norm_deviation", shape=(), initializer=constant(100.0))

    def update(self, cosine: Tensor, norms: Tensor, labeled: Tensor) -> None:
        norms = ops.clip(ops.stop_gradient(norms), SHORTEST, LONGEST)
        count = ops.sum(labeled)
        mean = mean_of(norms, labeled)
        squares = ops.sum(labeled * ops.square(norms - mean))
        deviation = ops.sqrt(squares / ops.maximum(count - 1.0, 1.0))
        # One labeled row has a mean but no deviation; none has neither.
        self._follow(self.mean, mean, count > 0)
        self._follow(self.deviation, deviation, count > 1)

    def _follow(self, statistic: Any, value: Tensor, known: Tensor) -> None:
        old = ops.convert_to_tensor(statistic)
        new = self.momentum * old + (1.0 - self.momentum) * ops.cast(value, old.dtype)
        statistic.assign(ops.where(known, new, old))

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        norms = ops.clip(ops.stop_gradient(norms), SHORTEST, LONGEST)
        mean, deviation = (ops.cast(x, norms.dtype) for x in (self.mean, self.deviation))
        quality = ops.clip(self.concentration * (norms - mean) / (deviation + 1e-3), -1.0, 1.0)
        angle = ops.clip(angle_of(cosine) - self.margin * quality, EDGE, math.pi - EDGE)
        return ops.cos(angle) - self.margin * (1.0 + quality)

    def get_config(self) -> dict[str, Any]:
        return {
            "margin": self.margin,
            "concentration": self.concentration,
            "momentum": self.momentum,
        }
