"""ElasticFace: margins drawn anew for every sample and step."""

import math
from typing import Any

from keras import ops

from framl_keras.margins.margin import AddWeight, Margin
from framl_keras.margins.registry import register
from framl_keras.ops.arguments import real, whole
from framl_keras.ops.margins import additive_angular_margin, additive_cosine_margin
from framl_keras.ops.random_bits import counted_uniform

Tensor = Any


class ElasticFace(Margin):
    """What both forms share: m ~ N(mean, deviation²) for each sample.

    Draws are a pure function of the seed and of a count of training steps that is
    saved with the head; outside of training the mean holds.

    Args:
        margin: the mean.
        deviation: the standard deviation, not negative.
        seed: of the draws.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(self, margin: float, deviation: float = 0.0125, seed: int = 0):
        self.margin = real("margin", margin, 0.0, math.pi)
        self.deviation = real("deviation", deviation, 0.0, 1.0)
        self.seed = whole("seed", seed)

    def build(self, add_weight: AddWeight) -> None:
        self.draws = add_weight(name="draws", shape=(), initializer="zeros", dtype="int32")

    def update(self, cosine: Tensor, norms: Tensor, labeled: Tensor) -> None:
        self.draws.assign(self.draws + 1)

    def drawn(self, cosine: Tensor, training: bool) -> float | Tensor:
        """The margins of a batch `(batch,)`; the mean alone outside of training."""
        if not training:
            return self.margin
        normal = _normal(ops.shape(cosine)[0], self.seed, self.draws)
        return self.margin + self.deviation * ops.cast(normal, cosine.dtype)

    def get_config(self) -> dict[str, Any]:
        return {"margin": self.margin, "deviation": self.deviation, "seed": self.seed}


@register
class ElasticFaceArc(ElasticFace):
    """cos(θ + m), m ~ N(mean, deviation²); past π as it comes, as in the authors' code.

    Args:
        margin: the mean, in radians.
        deviation: the standard deviation.
        seed: of the draws.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Boutros et al., "ElasticFace: Elastic Margin Loss for Deep Face Recognition",
        CVPRW 2022, https://arxiv.org/abs/2109.09416

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=ElasticFaceArc(seed=1))
    """

    def __init__(self, margin: float = 0.5, deviation: float = 0.0125, seed: int = 0):
        super().__init__(margin, deviation, seed)

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_angular_margin(cosine, self.drawn(cosine, training), past_pi="raw")


@register
class ElasticFaceCos(ElasticFace):
    """cos θ - m, m ~ N(mean, deviation²).

    Args:
        margin: the mean.
        deviation: the standard deviation.
        seed: of the draws.

    Raises:
        ValueError: if an argument is out of range.

    Reference:
        Boutros et al., "ElasticFace: Elastic Margin Loss for Deep Face Recognition",
        CVPRW 2022, https://arxiv.org/abs/2109.09416

    Example:
    >>> from framl_keras.layers import ArcMarginLayer
    >>> head = ArcMarginLayer(num_classes=10, margin=ElasticFaceCos(seed=1))
    """

    def __init__(self, margin: float = 0.35, deviation: float = 0.0125, seed: int = 0):
        super().__init__(margin, deviation, seed)

    def target(
        self, cosine: Tensor, norms: Tensor, training: bool, labels: Tensor = None
    ) -> Tensor:
        return additive_cosine_margin(cosine, self.drawn(cosine, training))


def _normal(count: int | Tensor, seed: int, draw: Tensor) -> Tensor:
    """Standard normal numbers `(count,)`, by Box and Muller's formula."""
    uniform = counted_uniform((2, count), seed, draw)
    radius = ops.sqrt(-2.0 * ops.log(1.0 - uniform[0]))
    return radius * ops.cos(2.0 * math.pi * uniform[1])
