"""SGD for the rows of a kernel that a step has seen, and for no others."""

from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class RowSGD:
    """SGD as Keras' own, row by row.

    w ← w - η·d·w; v ← μ·v - η·g; w ← w + v, or with Nesterov w + μ·v - η·g

    A row that is not sampled has no gradient, and keeps its momentum and its length.

    Args:
        learning_rate: η, a number or a `LearningRateSchedule`, counted in updates. Give
            what the model's optimizer has: it cannot be read from there.
        momentum: μ, within [0, 1).
        nesterov: whether to look ahead.
        weight_decay: d, not negative.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ):
        if isinstance(learning_rate, dict):
            learning_rate = keras.saving.deserialize_keras_object(learning_rate)
        if not callable(learning_rate) and not learning_rate > 0:
            raise ValueError(
                "`learning_rate` must be positive, or a schedule. "
                f"Received: learning_rate={learning_rate!r}"
            )
        if not 0.0 <= momentum < 1.0:
            raise ValueError(f"`momentum` must be within [0, 1). Received: momentum={momentum}")
        if weight_decay < 0.0:
            raise ValueError(
                f"`weight_decay` must not be negative. Received: weight_decay={weight_decay}"
            )
        self.learning_rate, self.momentum = learning_rate, momentum
        self.nesterov, self.weight_decay = nesterov, weight_decay

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
        step = ops.cast(rate, rows.dtype) * gradient
        rows = rows - ops.cast(rate, rows.dtype) * self.weight_decay * rows
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
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "RowSGD":
        return cls(**config)
