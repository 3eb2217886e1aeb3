"""From a recipe's optimizer and schedule to Keras' objects."""

import difflib
import inspect
from collections.abc import Callable
from typing import Any

import keras

from framl_keras.errors import UserError
from framl_keras.keras_internals import rate_or_schedule
from framl_keras.recipe import OptimizerSection, ScheduleSection
from framl_keras.training.build.schedules import Schedule

_DEFAULTS = OptimizerSection().model_dump()


def build_optimizer(
    options: OptimizerSection, schedule: ScheduleSection, total_steps: int
) -> keras.optimizers.Optimizer:
    """The recipe's optimizer with its schedule over `total_steps`.

    Raises:
        UserError: if Keras has no optimizer of that name, or it does not take an argument.
    """
    optimizer = _optimizer_class(options.name)
    taken = inspect.signature(optimizer).parameters
    given = options.model_dump(exclude={"name", "learning_rate"}, exclude_none=True)
    wanted = given.keys() - {key for key, value in given.items() if value == _DEFAULTS[key]}
    if surplus := sorted(wanted - set(taken)):
        raise UserError(
            f"train.optimizer: {options.name} takes no {', '.join(surplus)}. Expected some of "
            f"{', '.join(sorted(set(OptimizerSection.model_fields) & set(taken)))}."
        )
    arguments = {key: value for key, value in given.items() if key in taken}
    rate = rate_of(options.learning_rate, schedule, total_steps)
    return optimizer(learning_rate=rate, **arguments)


def _optimizer_class(name: str) -> type[keras.optimizers.Optimizer]:
    known = {
        key.lower(): value
        for key, value in vars(keras.optimizers).items()
        if inspect.isclass(value) and issubclass(value, keras.optimizers.Optimizer)
    }
    known.pop("optimizer", None)
    if name.lower() in known:
        return known[name.lower()]
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(sorted(known))}."
    raise UserError(f"train.optimizer.name: Keras has no optimizer {name!r}. {hint}")


def rate_of(peak: float, schedule: ScheduleSection, total_steps: int) -> Any:
    """A number, or a schedule that Keras asks at each step."""
    warmup_steps = round(schedule.warmup * total_steps)
    if schedule.name == "constant" and not warmup_steps:
        return peak
    return Schedule(
        schedule.name,
        peak,
        total_steps,
        warmup_steps,
        final=schedule.final,
        power=schedule.power,
        milestones=[round(part * total_steps) for part in schedule.milestones],
        factor=schedule.factor,
    )


def learning_rate_at(optimizer: keras.optimizers.Optimizer) -> Callable[[int], float]:
    """A function from a step (from 0) to the optimizer's learning rate there."""
    rate = rate_or_schedule(optimizer)
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return lambda step: float(keras.ops.convert_to_numpy(rate(step)))
    constant = float(keras.ops.convert_to_numpy(rate))
    return lambda step: constant
