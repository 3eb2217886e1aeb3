"""Tensors that do not all fit are refused, by name, before anything is filled."""

import re

import keras
import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published.fill import fill
from framl_keras.published.slots import Slot, torch_slot

IGNORABLE = re.compile("counter$")


@pytest.fixture
def slots():
    variables = {name: keras.Variable(np.zeros((2, 3))) for name in ("a", "b")}
    return {n: Slot(v, (3, 2), np.transpose) for n, v in variables.items()}


def fitting():
    return {"a": np.arange(6.0).reshape(3, 2), "b": np.ones((3, 2)), "a.counter": np.ones(())}


def test_every_slot_gets_its_tensor(slots):
    fill(slots, fitting(), IGNORABLE, "file")
    value = keras.ops.convert_to_numpy(slots["a"].variable.value)
    np.testing.assert_array_equal(value, np.arange(6.0).reshape(3, 2).T)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("b"), "missing: b"),
        (lambda t: t.update(c=np.ones(1)), "surplus: c"),
        (lambda t: t.update(b=np.ones((2, 3))), r"misshapen: b \(2, 3\) instead of \(3, 2\)"),
        (lambda t: t.update({f"x{i:02}": 0 for i in range(9)}), "x05 and 3 more"),
    ],
)
def test_what_does_not_fit_is_listed(slots, change, message):
    tensors = fitting()
    change(tensors)
    with pytest.raises(UserError, match=message):
        fill(slots, tensors, IGNORABLE, "file")
    assert not keras.ops.convert_to_numpy(slots["a"].variable.value).any()


def test_torchs_flattened_features_are_put_in_our_order():
    height, width, channels, outputs = 2, 3, 4, 5
    rng = np.random.default_rng(0)
    features = rng.normal(size=(height, width, channels)).astype("float32")
    weight = rng.normal(size=(outputs, height * width * channels)).astype("float32")
    dense = keras.layers.Dense(outputs, use_bias=False)
    dense.build((1, height * width * channels))
    slot = torch_slot(dense, dense.kernel, channels)
    expected = weight @ features.transpose(2, 0, 1).reshape(-1)
    np.testing.assert_allclose(features.reshape(-1) @ slot.convert(weight), expected, rtol=1e-5)
