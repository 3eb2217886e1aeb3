import numpy as np
import pytest
from on_backend import finite_differences, gradients, values

from framl_keras.ops.unit_vectors import unit_vectors


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize("length", [1e-20, 1e-3, 1.0, 1e20, 1e36])
def test_any_length_becomes_one(rng, length):
    x = (length * rng.normal(size=(5, 17))).astype(np.float32)

    found = values(unit_vectors, x)

    np.testing.assert_allclose(found, unit(x.astype(np.float64)), rtol=1e-5, atol=1e-8)


def test_gradient_is_right(rng):
    x = rng.normal(size=(3, 5)).astype(np.float32)

    (found,) = gradients(lambda x: unit_vectors(x) ** 3, x)
    (expected,) = finite_differences(lambda x: unit(x) ** 3, x)

    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_zero_stays_zero_with_no_gradient():
    x = np.zeros((2, 4))

    assert not values(unit_vectors, x).any()
    assert not gradients(unit_vectors, x)[0].any()


def test_not_a_number_stays_visible():
    assert np.isnan(values(unit_vectors, [[np.nan, 1.0]])).any()
