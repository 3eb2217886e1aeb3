import numpy as np
import pytest
from on_backend import gradients, values

from framl_keras.ops.angles import angle_of, sine_of

INNER = np.array([-0.999, -0.7, -1e-3, 0.0, 0.3, 0.9, 0.9999])


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (sine_of, lambda c: np.sin(np.arccos(c)), lambda c: -c / np.sqrt(1 - c**2)),
        (angle_of, np.arccos, lambda c: -1 / np.sqrt(1 - c**2)),
    ],
)
def test_value_and_slope_between_the_ends(function, value, slope):
    cosines = INNER.astype(np.float32).astype(np.float64)

    np.testing.assert_allclose(
        values(function, cosines),
        value(cosines),
        rtol=1e-5,
        atol=1e-7,
    )
    np.testing.assert_allclose(gradients(function, cosines)[0], slope(cosines), rtol=1e-4)


@pytest.mark.parametrize("function", [sine_of, angle_of])
def test_gradient_vanishes_at_and_beyond_the_ends(function):
    (grad,) = gradients(function, np.array([-1.0, 1.0, 1.0000001, -1.0000002]))

    np.testing.assert_array_equal(grad, 0.0)


def test_angle_at_the_ends():
    np.testing.assert_allclose(
        values(angle_of, [1.0, -1.0, 0.0]), [0.0, np.pi, np.pi / 2], rtol=1e-6
    )


@pytest.mark.parametrize("function", [sine_of, angle_of])
def test_not_a_number_stays_visible(function):
    assert np.isnan(values(function, [np.nan]))
