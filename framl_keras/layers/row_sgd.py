"""SGD for the rows of a kernel that a step has seen, and for no others."""

import math
from typing import Any

import keras
from keras import ops

from framl_keras.ops.arguments import flag, real

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class RowSGD:
    """SGD as Keras' own, row by row.

    w ← w - η·d·w; v ← μ·v - η·g; w ← w + v, or with Nesterov w + μ·v - η·g

    With `coupled_decay` it is torch's: g ← g + d·w, and no decay besides. The recipes of
    insightface and AdaFace, whose `weight_decay` is 5e-4, assume that one. A schedule's
    rate is inside the momentum still, as Keras has it; torch multiplies outside.

    A row that is not sampled has no gradient, and keeps its momentum and its length.
    insightface's `PartialFC_V2` hands the whole kernel to the optimizer: there, rows that
    are not sampled have gradient 0, and go on moving by their momentum and their decay.

    Args:
        learning_rate: η, a number or a `LearningRateSchedule`, counted in updates. Give
            what the model's optimizer has: it cannot be read from there.
        momentum: μ, within [0, 1).
        nesterov: whether to look ahead.
        weight_decay: d, not negative.
        coupled_decay: whether the decay is part of the gradient, as in torch's SGD.

    Raises:
        ValueError: if an argument is out of range.

    Example:
    >>> rows = RowSGD(learning_rate=0.1, momentum=0.9, weight_decay=5e-4, coupled_decay=True)
    >>> from framl_keras import ArcMarginLayer
    >>> head = ArcMarginLayer(1000, sample_rate=0.1, row_optimizer=rows)
    >>> losses, _ = head(np.ones((2, 8)), np.array([3, 999]), losses=True)
    >>> tuple(losses.shape)
    (2,)

    Reference:
        An et al., "Killing Two Birds with One Stone: Efficient and Robust Training of Face
        Recognition CNNs by Partial FC", CVPR 2022, https://arxiv.org/abs/2203.15565
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        coupled_decay: bool = False,
    ):
        if isinstance(learning_rate, dict):
            learning_rate = keras.saving.deserialize_keras_object(learning_rate)
        if not callable(learning_rate):
            expected = "positive, or a schedule"
            learning_rate = real("learning_rate", learning_rate, math.ulp(0.0), expected=expected)
        self.learning_rate = learning_rate
        self.momentum = real("momentum", momentum, 0.0, 1.0)
        self.nesterov = flag("nesterov", nesterov)
        self.weight_decay = real("weight_decay", weight_decay, 0.0, expected="at least 0")
        self.coupled_decay = flag("coupled_decay", coupled_decay)

    def updated(
        self, rows: Tensor, velocity: Tensor, gradient: Tensor, update: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The rows and their momentum `(m, dim)` after a step.

        Args:
            rows: `(m, dim)`.
            velocity: their momentum, `(m, dim)`.
            gradient: `(m, dim)`.
            update: how many updates there were before, an integer scalar.
        """
        rate = self.learning_rate(update) if callable(self.learning_rate) else self.learning_rate
        rate = ops.cast(rate, rows.dtype)
        if self.coupled_decay:
            gradient = gradient + self.weight_decay * rows
        else:
            rows = rows - rate * self.weight_decay * rows
        step = rate * gradient
        velocity = self.momentum * velocity - step
        return rows + (self.momentum * velocity - step if self.nesterov else velocity), velocity

    def get_config(self) -> dict[str, Any]:
        rate = self.learning_rate
        if callable(rate):
            rate = keras.saving.serialize_keras_object(rate)
        return {
            "learning_rate": rate,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "weight_decay": self.weight_decay,
            "coupled_decay": self.coupled_decay,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RowSGD":
        return cls(**config)
