import numpy as np
import pytest
from on_backend import finite_differences, gradients, values
from scipy.signal import correlate

from framl_keras.ops import correlation
from framl_keras.ops.correlation import (
    correlation_peak,
    direct_correlation,
    fast_length,
    fourier_correlation,
)

WAYS = {
    "direct": direct_correlation,
    "native": fourier_correlation,
    "matmul": lambda a, b: fourier_correlation(a, b, transform="matmul"),
}
ways = pytest.mark.parametrize("way", WAYS)


@ways
@pytest.mark.parametrize("dim", [1, 2, 5, 64, 509, 512])
def test_all_lags_equal_scipy(way, dim, rng):
    a, b = rng.normal(size=(2, 3, dim)).astype(np.float32)

    found = values(WAYS[way], a, b)

    expected = [
        correlate(x, y, mode="full", method="direct")
        for x, y in zip(np.float64(a), np.float64(b), strict=True)
    ]
    assert found.shape == (3, 2 * dim - 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5 * dim**0.5)


@ways
@pytest.mark.parametrize("dim", [1, 3, 33])
def test_padding_does_not_hide_a_negative_peak(way, dim):
    a = np.ones((1, dim))

    lags = values(WAYS[way], a, -a)

    assert lags.max() == pytest.approx(-1.0, abs=1e-5)  # at the outermost lags one product is left


@ways
def test_leading_axes_broadcast_and_may_be_empty(way, rng):
    a, b = np.float32(rng.normal(size=(2, 1, 6))), np.float32(rng.normal(size=(3, 6)))

    found = values(WAYS[way], a, b)

    assert found.shape == (2, 3, 11)
    np.testing.assert_allclose(found[1, 2], np.correlate(a[1, 0], b[2], "full"), atol=1e-5)
    assert values(WAYS[way], np.zeros((0, 6)), np.zeros((0, 6))).shape == (0, 11)


@pytest.mark.parametrize("method", ["direct", "fft"])
def test_gradients_of_the_peak_equal_finite_differences(method, rng):
    a, b = rng.normal(size=(2, 3, 7)).astype(np.float32)

    def peaks(a, b):
        return [np.correlate(x, y, "full").max() for x, y in zip(a, b, strict=True)]

    for found, expected in zip(
        gradients(lambda a, b: correlation_peak(a, b, method), a, b),
        finite_differences(peaks, a, b),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("method", ["direct", "fft"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_finite_and_float32_at_ugly_points(method, dtype):
    x = np.linspace(-1.0, 2.0, 6)
    a, b = np.stack([0 * x, 0 * x, x, x, 100 * x]), np.stack([0 * x, x, x, -x, 100 * x])

    def peak(a, b):
        return correlation_peak(a, b, method)

    found = values(peak, a, b, dtype=dtype)

    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    for grad in gradients(peak, a, b, dtype=dtype):
        assert np.isfinite(grad).all()


def test_among_equal_lags_every_backend_follows_the_first():
    a, b = np.array([[1.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]])

    found = gradients(lambda a, b: correlation_peak(a, b, "direct"), a, b)[1]

    np.testing.assert_array_equal(found, [[1.0, 0.0, 1.0]])


@pytest.mark.parametrize(("length", "expected"), [(1, 1), (7, 8), (1023, 1024), (1025, 1080)])
def test_fast_length_has_small_factors_only(length, expected):
    assert fast_length(length) == expected


@pytest.mark.parametrize("dim", [1, 5, 32, 33, 64, 100])
def test_sums_for_a_graph_to_export_are_the_direct_ones(dim, rng):
    a, b = rng.normal(size=(2, 3, dim)).astype(np.float32)

    found = values(lambda a, b: correlation._sums_of_frames(a, b, dim), a, b)

    both = zip(np.float64(a), np.float64(b), strict=True)
    expected = [np.correlate(x, y, "full") for x, y in both]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5 * dim**0.5)
