"""How the learning rate changes from step to step, after a warm-up."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

Tensor = Any


@keras.saving.register_keras_serializable("framl_keras")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear from zero to the peak in the warm-up, then a decay over the rest of the run.

    With p the part of the rest that is done, within [0, 1], what is left of the peak is

    - `constant`: 1
    - `cosine`: final + (1 - final) · (1 + cos(π p)) / 2
    - `polynomial`: final + (1 - final) · (1 - p)^power
    - `step`: factor^(number of milestones reached); a milestone's own step has it already

    Args:
        name: one of these.
        peak: the learning rate after the warm-up.
        total_steps: steps in the whole run.
        warmup_steps: steps of the warm-up.
        final: what is left of the peak at the run's end.
        power: 1 is a straight line.
        milestones: steps, counted from the run's begin.
        factor: what each milestone multiplies the rate with.

    Raises:
        ValueError: if the name is unknown.
    """

    def __init__(
        self,
        name: str,
        peak: float,
        total_steps: int,
        warmup_steps: int = 0,
        final: float = 0.0,
        power: float = 1.0,
        milestones: Sequence[int] = (),
        factor: float = 0.1,
    ):
        super().__init__()
        if name not in _DECAYS:
            raise ValueError(f"`name` must be one of {list(_DECAYS)}. Received: name={name!r}")
        self.name, self.peak = name, peak
        self.total_steps, self.warmup_steps = total_steps, warmup_steps
        self.final, self.power = final, power
        self.milestones, self.factor = list(milestones), factor

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate of a step, counted from 0."""
        step = ops.cast(step, keras.config.floatx())
        rising = step / max(1, self.warmup_steps)
        left = ops.where(step < self.warmup_steps, rising, _DECAYS[self.name](self, step))
        return self.peak * left

    def part(self, step: Tensor) -> Tensor:
        """The part of the steps after the warm-up that is done."""
        rest = max(1, self.total_steps - self.warmup_steps)
        return ops.clip((step - self.warmup_steps) / rest, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        keys = ("name", "peak", "total_steps", "warmup_steps", "final", "power", "factor")
        return {key: getattr(self, key) for key in keys} | {"milestones": self.milestones}


def _constant(schedule: Schedule, step: Tensor) -> Tensor:
    return ops.ones_like(step)


def _cosine(schedule: Schedule, step: Tensor) -> Tensor:
    wave = (1.0 + ops.cos(math.pi * schedule.part(step))) / 2.0
    return schedule.final + (1.0 - schedule.final) * wave


def _polynomial(schedule: Schedule, step: Tensor) -> Tensor:
    curve = (1.0 - schedule.part(step)) ** schedule.power
    return schedule.final + (1.0 - schedule.final) * curve


def _step(schedule: Schedule, step: Tensor) -> Tensor:
    left = ops.ones_like(step)
    for count, milestone in enumerate(schedule.milestones, 1):
        left = ops.where(step >= milestone, schedule.factor**count, left)
    return left


_DECAYS: dict[str, Callable[[Schedule, Tensor], Tensor]] = {
    "constant": _constant,
    "cosine": _cosine,
    "polynomial": _polynomial,
    "step": _step,
}
