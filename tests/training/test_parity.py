import numpy as np
import pytest

from framl_keras.training.parity.compare import compare
from framl_keras.training.parity.first_steps import first_steps


def steps(**changes):
    arrays = {
        "loss": np.array([10.0, 5.0, 2.0]),
        "start/pixels": np.arange(4, dtype=np.uint8),
        "start/kernel": np.array([1.0, 2.0]),
        "gradient/kernel": np.array([2.0, -4.0]),
        "gradient/bias": np.array([0.5]),
        "end/kernel": np.array([1.5, 2.5]),
    }
    return {**arrays, **{name.replace("_", "/"): np.array(v) for name, v in changes.items()}}


@pytest.mark.parametrize(
    ("changes", "holds", "parts_at"),
    [
        ({}, True, None),
        ({"loss": [10.0, 5.004, 2.001]}, True, None),
        ({"loss": [10.0, 5.004, 2.003]}, False, 3),
        ({"loss": [10.0, np.nan, 2.0]}, False, 2),
        ({"gradient_bias": [0.5003]}, True, None),  # 3e-4 beside a largest gradient of 4
        ({"gradient_bias": [0.5005]}, False, None),
        ({"gradient_bias": [np.nan]}, False, None),
        ({"end_kernel": [1.5, 3.5]}, True, None),
        ({"start_kernel": [1.0, np.nextafter(2.0, 3.0)]}, False, None),
        ({"start_pixels": np.array([0, 1, 2, 4], np.uint8)}, False, None),
        ({"gradient_more": [0.0]}, False, None),
    ],
)
def test_bounds(changes, holds, parts_at):
    parity = compare(steps(), steps(**changes))
    assert parity.holds == holds
    assert parity.parts_at == parts_at


def test_the_largest_difference_is_found_and_named():
    parity = compare(steps(), steps(end_kernel=[1.5, 2.25], gradient_kernel=[2.0, -4.2]))
    assert parity.weight == (0.25, "kernel")
    assert parity.gradient == (pytest.approx(0.05), "kernel")


def test_both_modes_take_the_same_first_steps(recipe):
    fit, eager = first_steps(recipe, "fit", 3), first_steps(recipe, "eager", 3)
    parity = compare(fit, eager)
    assert parity.holds
    assert parity.weight.size < 1e-5
    assert fit["loss"].shape == (3,)
    assert np.ptp(fit["loss"]) > 0.01  # it does train
    moved = np.abs(fit["end/model/head/kernel"] - fit["start/model/head/kernel"])
    assert moved.max() > 1e-4


def test_the_first_gradient_is_that_of_the_start(recipe):
    """One step of plain SGD moves each weight by the rate times the gradient."""
    optimizer = {"name": "sgd", "learning_rate": 0.5, "momentum": 0.0, "nesterov": False}
    plain = recipe.model_dump()
    plain["train"]["optimizer"] = optimizer
    found = first_steps(type(recipe).model_validate(plain), "fit", 1)
    gradients = [name for name in found if name.startswith("gradient/")]
    assert len(gradients) > 5
    for name in gradients:
        path = name.removeprefix("gradient/")
        moved = found[f"end/model/{path}"] - found[f"start/model/{path}"]
        np.testing.assert_allclose(moved, -0.5 * found[name], rtol=1e-4, atol=1e-5, err_msg=name)
