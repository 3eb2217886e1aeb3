"""The `train.schedule` section."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from framl_keras.recipe.section import Section

_SCHEDULES: dict[str, tuple[str, ...]] = {  # the keys that each has, besides `warmup`
    "constant": (),
    "step": ("milestones", "factor"),
    "cosine": ("final",),
    "polynomial": ("final", "power"),
}


class ScheduleSection(Section):
    """How the learning rate changes from step to step.

    Attributes:
        name: `constant`; `step`, which multiplies by `factor` at each milestone; `cosine` or
            `polynomial`, down to `final` times the peak.
        warmup: fraction of the training in which the rate grows from zero to its peak.
        final: the rate at the end, as a fraction of the peak (`cosine` and `polynomial`).
        power: exponent of `polynomial`; 1 is a straight line.
        milestones: where `step` multiplies, as fractions of the training such as `[0.5, 0.75]`.
        factor: what `step` multiplies the rate by at each milestone.
    """

    name: Literal["constant", "step", "cosine", "polynomial"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    power: Annotated[float, Field(gt=0)] = 1.0
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default=[])
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "ScheduleSection":
        defaults = type(self).model_fields
        idle = [
            key
            for key in ("final", "power", "milestones", "factor")
            if key not in _SCHEDULES[self.name] and getattr(self, key) != defaults[key].default
        ]
        if idle:
            raise ValueError(f"`name: {self.name}` has no {', '.join(idle)}; leave it out")
        if self.name == "step" and not self.milestones:
            raise ValueError("`name: step` needs milestones, such as `milestones: [0.5, 0.75]`")
        if sorted(set(self.milestones)) != self.milestones:
            raise ValueError("`milestones` must ascend, such as `[0.5, 0.75]`")
        return self
