"""CurricularFace: hard negatives count more as training goes on."""

import math
from typing import Any

from keras import ops

from framl_keras.margins.margin import AddWeight, Margin, mean_of
from framl_keras.margins.registry import register
from framl_keras.ops.arguments import real
from framl_keras.ops.margins import additive_angular_margin

Tensor = Any


@register
class CurricularFace(Margin):
    """cos(θ + m) for the true class, and cos θj·(t + cos θj) for hard negatives.

    A negative is hard where cos θj > cos(θ + m). t is the running mean of the cosine
    to the true class, without gradient, and saved with the head. Past π the authors'
    branch holds, which is FRAML's; their code compares negatives with cos(θ + m)
    even there.

    Args:
        margin: m in radians, within [0, pi).
        momentum: how much of the old t stays at each step.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Huang et al., "CurricularFace: Adaptive Curriculum Learning Loss for Deep Face
        Recognition", CVPR 2020, https://arxiv.org/abs/2004.00288

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=CurricularFace(margin=0.5))
    """

    def __init__(self, margin: float = 0.5, momentum: float = 0.99):
        self.margin = real("margin", margin, 0.0, math.pi)
        self.momentum = real("momentum", momentum, 0.0, 1.0)

    def build(self, add_weight: AddWeight) -> None:
        self.progress = add_weight(name="progress", shape=(), initializer="zeros")

    def update(self, cosine: Tensor, norms: Tensor, labeled: Tensor) -> None:
        old = ops.convert_to_tensor(self.progress)
        mean = ops.cast(mean_of(ops.stop_gradient(cosine), labeled), old.dtype)
        new = self.momentum * old + (1.0 - self.momentum) * mean
        self.progress.assign(ops.where(ops.sum(labeled) > 0, new, old))

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_angular_margin(cosine, self.margin)

    def others(self, cosines: Tensor, cosine: Tensor) -> Tensor:
        threshold = additive_angular_margin(cosine, self.margin, past_pi="raw")[:, None]
        progress = ops.cast(self.progress, cosines.dtype)
        return ops.where(cosines > threshold, cosines * (progress + cosines), cosines)

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin, "momentum": self.momentum}
