import numpy as np
import pytest
from on_backend import finite_differences, gradients, values
from scipy.spatial.distance import cosine, sqeuclidean
from skimage.metrics import structural_similarity as windowed_ssim

from framl_keras.similarities import get


def one_window_ssim(a, b):
    """scikit-image's SSIM with one uniform window over the whole vector (odd lengths)."""
    return windowed_ssim(
        a,
        b,
        win_size=len(a),
        data_range=1.0,
        K1=1e-4**0.5,
        K2=2e-4**0.5,
        use_sample_covariance=False,
    )


def plain_ssim(a, b):
    """The formula in float64, for finite differences and even lengths."""
    mean_a, mean_b = a.mean(-1), b.mean(-1)
    covariance = (a * b).mean(-1) - mean_a * mean_b
    top = (2 * mean_a * mean_b + 1e-4) * (2 * covariance + 2e-4)
    return top / ((mean_a**2 + mean_b**2 + 1e-4) * (a.var(-1) + b.var(-1) + 2e-4))


def plain_cosine(a, b):
    return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


MEASURES = {
    "cos": (lambda a, b: 1 - cosine(a, b), plain_cosine),
    "diff": (sqeuclidean, lambda a, b: ((a - b) ** 2).sum(-1)),
    "ssim": (one_window_ssim, plain_ssim),
}
measures = pytest.mark.parametrize("measure", MEASURES)


@measures
@pytest.mark.parametrize("dim", [3, 7, 511])
@pytest.mark.parametrize("size", [0.05, 1.0, 30.0])
def test_values_equal_the_libraries(measure, dim, size, rng):
    a, b = (size * rng.normal(0.3, 1.0, size=(2, 6, dim))).astype(np.float32)

    found = values(get(measure).value, a, b)

    library, _ = MEASURES[measure]
    expected = [library(x, y) for x, y in zip(np.float64(a), np.float64(b), strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)


@measures
@pytest.mark.parametrize("dim", [1, 2, 512])
def test_values_equal_the_formula_at_other_lengths(measure, dim, rng):
    a, b = rng.normal(size=(2, 4, dim)).astype(np.float32)

    _, formula = MEASURES[measure]
    np.testing.assert_allclose(
        values(get(measure).value, a, b),
        formula(np.float64(a), np.float64(b)),
        rtol=1e-5,
        atol=2e-6,
    )


@measures
def test_gradients_equal_finite_differences(measure, rng):
    a, b = rng.normal(0.2, 1.0, size=(2, 3, 5)).astype(np.float32)

    _, formula = MEASURES[measure]
    for found, expected in zip(
        gradients(get(measure).value, a, b), finite_differences(formula, a, b), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-4)


@measures
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_values_and_gradients_are_finite_at_ugly_points(measure, dtype):
    x = np.linspace(-1.0, 2.0, 6)
    zero, flat = np.zeros(6), np.full(6, 0.25)
    a = np.stack([zero, zero, x, x, x, flat, 100 * x])
    b = np.stack([zero, x, zero, x, -x, flat, 100 * x])

    found = values(get(measure).value, a, b, dtype=dtype)

    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    for grad in gradients(get(measure).value, a, b, dtype=dtype):
        assert np.isfinite(grad).all()


@measures
def test_leading_axes_broadcast(measure, rng):
    a, b = rng.normal(size=(4, 1, 9)).astype(np.float32), rng.normal(size=(3, 9)).astype(np.float32)

    found = values(get(measure).value, a, b)

    _, formula = MEASURES[measure]
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found, formula(np.float64(a), np.float64(b)), rtol=1e-4, atol=1e-5)


def test_half_precision_inputs_are_not_summed_in_half_precision():
    a = np.full((1, 4096), 0.1, np.float16)

    found = values(get("diff").value, a, np.zeros_like(a), dtype="float16")

    assert found[0] == pytest.approx(4096 * float(np.float16(0.1)) ** 2, rel=1e-5)
