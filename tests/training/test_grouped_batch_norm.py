"""Statistics of batch normalization over groups of rows."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from on_backend import gradients
from small_runs import changed

from framl_keras.errors import UserError
from framl_keras.training.build.grouped_batch_norm import group_batch_norm
from framl_keras.training.distribution import ONE_DEVICE
from framl_keras.training.from_recipe import whole_groups

CASES = {
    "images": ({}, (6, 5, 4, 3)),
    "vectors": ({}, (6, 7)),
    "a small epsilon": ({"epsilon": 1e-6, "momentum": 0.9}, (6, 5, 4, 3)),
    "neither scale nor offset": ({"scale": False, "center": False}, (6, 5, 4, 3)),
}


def numbers(tensor):
    return ops.convert_to_numpy(ops.stop_gradient(ops.convert_to_tensor(tensor)))


@pytest.mark.parametrize("batch", [6, None])
@pytest.mark.parametrize("case", CASES)
def test_each_group_is_normalized_as_a_batch_of_its_own(case, batch, rng):
    options, shape = CASES[case]
    own, grouped = layers.BatchNormalization(**options), layers.BatchNormalization(**options)
    model = keras.Sequential([keras.Input(shape[1:], batch_size=batch), grouped])
    own.build(shape)
    group_batch_norm(model, 3)
    x = rng.normal(2.0, 3.0, shape).astype("float32")
    weigh = ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))

    def of_groups(x, weigh):
        parts = [own(x[first : first + 3], training=True) for first in (0, 3)]
        return ops.concatenate(parts) * weigh

    expected, moved = [], []
    for first in (0, 3):
        for variable, start in ((own.moving_mean, 0.0), (own.moving_variance, 1.0)):
            variable.assign(np.full(shape[-1], start, "float32"))
        expected.append(numbers(own(x[first : first + 3], training=True)))
        moved.append([numbers(own.moving_mean), numbers(own.moving_variance)])

    np.testing.assert_allclose(
        numbers(grouped(x, training=True)), np.concatenate(expected), atol=2e-5
    )
    for variable, values in zip(
        (grouped.moving_mean, grouped.moving_variance), zip(*moved, strict=True), strict=True
    ):
        np.testing.assert_allclose(numbers(variable), np.mean(values, 0), rtol=1e-5)
    found = [
        gradients(function, x, jit=False)[0]
        for function in (
            lambda x: of_groups(x, weigh),
            lambda x: grouped(x, training=True) * weigh,
        )
    ]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3, atol=2e-5)


def test_it_asks_for_whole_groups_on_each_device(recipe):
    grouped = changed(recipe, train={"batch_size": 4, "batch_norm_rows": 2})
    assert whole_groups(grouped, ONE_DEVICE) == 2

    class Four:
        count = 4

    with pytest.raises(UserError, match="each of 4 devices has 1 rows"):
        whole_groups(grouped, Four())
    with pytest.raises(ValueError, match="must divide `batch_size`"):
        changed(recipe, train={"batch_size": 4, "batch_norm_rows": 3})
