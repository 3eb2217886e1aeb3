import keras
import numpy as np
import pytest
from keras import ops

from framl_keras import CrossCorrelation
from framl_keras.errors import UserError
from framl_keras.similarities import get, names


def framl_distance(name, a, b):
    """FRAML's `dist` of two vectors, in float64."""
    if name == "diff":
        return ((a - b) ** 2).sum()
    if name == "cos":
        return 1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    if name == "ssim":
        covariance = ((a - a.mean()) * (b - b.mean())).mean()
        luminance = (2 * a.mean() * b.mean() + 1e-4) / (a.mean() ** 2 + b.mean() ** 2 + 1e-4)
        return 1 - luminance * (2 * covariance + 2e-4) / (a.var() + b.var() + 2e-4)
    return 1 - np.correlate(a, b, "full").max()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("dim", [7, 512])
def test_distance_is_framl_s(name, dim, rng):
    a, b = rng.normal(size=(2, 3, dim)) / dim**0.5

    found = get(name).layer().distance(np.float32(a), np.float32(b))

    expected = [framl_distance(name, x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_a_vector_is_nearest_to_itself(name, rng):
    a = np.float32(rng.normal(size=(5, 16)))
    a /= np.linalg.norm(a, axis=-1, keepdims=True)

    distances = get(name).layer().distance(a[:, None], a[None])

    nearest = ops.convert_to_numpy(distances).argmin(-1)
    np.testing.assert_array_equal(nearest, np.arange(5))


def test_float32_inputs_are_not_rounded_by_a_half_precision_policy(rng):
    a, b = np.float32(rng.normal(size=(2, 3, 9)))

    half = CrossCorrelation(dtype="mixed_float16")(a, b)

    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    np.testing.assert_array_equal(
        ops.convert_to_numpy(half), ops.convert_to_numpy(CrossCorrelation()(a, b))
    )


def test_an_unknown_name_suggests_a_near_one():
    with pytest.raises(UserError, match=r"Unknown similarity 'cosin'.* Did you mean 'cos'?"):
        get("cosin")


def test_vectors_must_have_the_same_length():
    with pytest.raises(ValueError, match="vectors of the same length"):
        get("cos").layer()(keras.Input((4,)), keras.Input((5,)))


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match=r"`method` must be one of .* Received: method='quick'"):
        CrossCorrelation(method="quick")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((None, 4), (None, 4), (None,)),
        ((5, 1, 4), (None, 4), (5, None)),
        ((2, 4), (3, 2, 4), (3, 2)),
    ],
)
def test_output_shapes_broadcast(a, b, expected):
    assert get("cos").layer().compute_output_shape(a, b) == expected
