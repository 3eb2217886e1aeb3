import math

import numpy as np
import pytest
from on_backend import gradients, values

from framl_keras.ops.margins import additive_angular_margin

COSINES = np.cos(np.linspace(0.02, math.pi - 0.02, 40))


def arc_face(cosine, margin, past_pi="framl", easy=False):
    """Value and slope in the cosine, in float64, from the paper's formula in θ."""
    angle = math.acos(cosine)
    shifted = math.cos(angle + margin), math.sin(angle + margin) / math.sin(angle)
    if easy:
        return shifted if angle < math.pi / 2 else (cosine, 1.0)
    if past_pi == "raw" or angle + margin < math.pi:
        return shifted
    if past_pi == "framl":
        return cosine - margin * math.sin(margin), 1.0
    return -2 - shifted[0], -shifted[1]


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.5])
@pytest.mark.parametrize(
    "options", [{}, {"past_pi": "continuous"}, {"past_pi": "raw"}, {"easy": True}]
)
def test_value_and_slope(margin, options):
    cosines = COSINES.astype(np.float32).astype(np.float64)
    value, slope = np.transpose([arc_face(c, margin, **options) for c in cosines])

    def function(cosine):
        return additive_angular_margin(cosine, margin, **options)

    np.testing.assert_allclose(values(function, cosines), value, atol=2e-6)
    np.testing.assert_allclose(gradients(function, cosines)[0], slope, rtol=1e-3, atol=1e-4)


def test_framl_jumps_past_pi_and_continuous_does_not():
    edge = math.cos(math.pi - 0.5)
    sides = [edge + 1e-6, edge - 1e-6]

    framl = values(lambda c: additive_angular_margin(c, 0.5), sides)
    continuous = values(lambda c: additive_angular_margin(c, 0.5, past_pi="continuous"), sides)

    assert framl[0] - framl[1] == pytest.approx(0.117, abs=1e-3)
    assert continuous[0] == pytest.approx(continuous[1], abs=1e-5)


@pytest.mark.parametrize("past_pi", ["framl", "continuous", "raw"])
def test_gradient_is_finite_at_the_ends(past_pi):
    ends = np.array([-1.0, 1.0, 1.0000001, -1.0000001, 0.99999994])

    (grad,) = gradients(lambda c: additive_angular_margin(c, 0.5, past_pi=past_pi), ends)

    assert np.isfinite(grad).all()
