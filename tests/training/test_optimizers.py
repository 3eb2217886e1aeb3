import math

import keras
import numpy as np
import pytest
from small_runs import assert_same_state, changed, final_state
from test_train import ctrl_c_during

from framl_keras.errors import UserError
from framl_keras.recipe import OptimizerSection, ScheduleSection
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.build.optimizers import build_optimizer, learning_rate_at
from framl_keras.training.train import train


def built(total_steps=40, schedule=None, **options):
    return build_optimizer(
        OptimizerSection(**options), ScheduleSection(**(schedule or {})), total_steps
    )


def left_of_peak(name, step, total, warmup, settings):
    """A plain loop's idea of what is left of the peak."""
    if step < warmup:
        return step / warmup
    part = (step - warmup) / (total - warmup)
    final = settings.get("final", 0.0)
    if name == "cosine":
        return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * part))
    if name == "polynomial":
        return final + (1 - final) * (1 - part) ** settings.get("power", 1.0)
    left = 1.0
    for milestone in settings.get("milestones", []):
        if step >= milestone * total:
            left *= settings["factor"]
    return left


@pytest.mark.parametrize("warmup", [0.0, 0.25])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("constant", {}),
        ("step", {"milestones": [0.5, 0.75, 0.9], "factor": 0.3}),
        ("cosine", {}),
        ("cosine", {"final": 0.1}),
        ("polynomial", {}),
        ("polynomial", {"final": 0.05, "power": 2.5}),
    ],
)
def test_schedules_are_what_a_plain_loop_gives(name, settings, warmup):
    optimizer = built(schedule={"name": name, "warmup": warmup, **settings}, learning_rate=0.3)
    rate = learning_rate_at(optimizer)
    expected = [0.3 * left_of_peak(name, step, 40, 40 * warmup, settings) for step in range(40)]
    np.testing.assert_allclose([rate(step) for step in range(40)], expected, rtol=2e-5, atol=1e-8)
    again = type(optimizer).from_config(optimizer.get_config())
    assert learning_rate_at(again)(33) == rate(33)


def clipped(gradients, kind, limit):
    if kind == "clipvalue":
        return [np.clip(g, -limit, limit) for g in gradients]
    norms = [np.linalg.norm(g) for g in gradients]
    if kind == "global_clipnorm":
        norms = [math.sqrt(sum(n**2 for n in norms))] * len(norms)
    return [g * min(1.0, limit / n) for g, n in zip(gradients, norms, strict=True)]


@pytest.mark.parametrize("kind", ["clipnorm", "global_clipnorm", "clipvalue"])
@pytest.mark.parametrize("every", [None, 3])
def test_clipping_and_accumulation_are_what_a_plain_loop_gives(rng, kind, every):
    """SGD with momentum and decay on two weights; clipping acts on the mean gradient."""
    values = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    variables = [keras.Variable(value.astype("float32")) for value in values]
    gradients = [[rng.normal(size=v.shape) for v in values] for _ in range(7)]
    options = {kind: 0.7, "gradient_accumulation_steps": every}
    optimizer = built(learning_rate=0.1, nesterov=False, weight_decay=0.02, **options)
    velocities, waiting = [np.zeros_like(v) for v in values], []
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in step], variables)
        waiting.append(step)
        if len(waiting) == (every or 1):
            mean = clipped([np.mean(g, axis=0) for g in zip(*waiting, strict=True)], kind, 0.7)
            waiting = []
            for place, g in enumerate(mean):
                values[place] -= values[place] * 0.02 * 0.1
                velocities[place] = 0.9 * velocities[place] - 0.1 * g
                values[place] += velocities[place]
    for variable, value in zip(variables, values, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), value, rtol=1e-5)


@pytest.mark.parametrize("mode", ["fit", "eager"])
def test_a_run_stopped_between_two_updates_goes_on_to_the_very_same_end(recipe, mode):
    """Six steps with an update at the fourth, stopped after the third."""
    optimizer = {"gradient_accumulation_steps": 4, "global_clipnorm": 0.5, "weight_decay": 0.01}
    schedule = {"name": "step", "milestones": [0.5], "warmup": 0.2}
    recipe = changed(recipe, train={"optimizer": optimizer, "schedule": schedule})
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight, mode)
    with ctrl_c_during(3):
        assert train(recipe, stopped, mode).interrupted
    assert any(
        "accumulator" in name and array.any() for name, array in final_state(stopped).items()
    )
    train(recipe, stopped, mode)
    assert_same_state(final_state(stopped), final_state(straight))
    other = RunDirectory("runs/other")
    train(recipe, other, "eager" if mode == "fit" else "fit")
    assert_same_state(final_state(other), final_state(straight), atol=1e-5, rtol=1e-5)


def test_a_resolved_recipe_trains_too():
    """Its defaults are spelled out, also those that its optimizer does not take."""
    options = OptimizerSection(name="adamw").model_dump(exclude={"learning_rate"})
    assert isinstance(built(**options), keras.optimizers.AdamW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "adm"}, "no optimizer 'adm'. Did you mean adam?"),
        ({"name": "adam", "momentum": 0.5}, "adam takes no momentum"),
    ],
)
def test_what_keras_does_not_have_is_named(options, message):
    with pytest.raises(UserError, match=message):
        built(**options)
