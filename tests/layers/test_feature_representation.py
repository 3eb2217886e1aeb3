import keras
import numpy as np
import pytest
from keras import ops
from on_backend import gradients

from framl_keras import FeatureRepresentation
from framl_keras.layers import GeneralizedMeanPooling


def norm(x, mean, variance, gamma=1.0, beta=0.0, epsilon=1e-5):
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def with_random_weights(rng, shape, **options):
    """A layer with random weights, and those by name."""
    layer = FeatureRepresentation(5, **options)
    layer.build((None, *shape))
    weights = {w.path.split("/", 1)[1]: w for w in layer.weights}
    for weight in layer.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape) * rng.choice([-1, 1], weight.shape))
    for name, weight in weights.items():
        if "variance" in name:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return layer, {name: ops.convert_to_numpy(w).astype(np.float64) for name, w in weights.items()}


def applied_norm(w, x, name):
    gamma = w.get(f"{name}/gamma", 1.0)
    return norm(x, w[f"{name}/moving_mean"], w[f"{name}/moving_variance"], gamma, w[f"{name}/beta"])


def by_hand(w, x, pooling):
    """Inference in float64, from the stages' formulas."""
    if "input_norm/beta" in w:
        x = applied_norm(w, x, "input_norm")
    if pooling == "average":
        x = x.mean((1, 2))
    elif pooling == "gdc":
        kernel = w["global_depthwise/kernel"][..., 0]
        x = applied_norm(w, (x * kernel).sum((1, 2)), "global_norm")
    x = x.reshape(len(x), -1) @ w["dense/kernel"] + w.get("dense/bias", 0.0)
    return applied_norm(w, x, "output_norm")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pooling": "average", "final_scale": False},
        {"pooling": "gdc", "input_batch_norm": False, "use_bias": False},
    ],
)
def test_inference_equals_the_stages_by_hand(options, rng):
    layer, weights = with_random_weights(rng, (3, 2, 4), **options)
    x = rng.normal(size=(6, 3, 2, 4)).astype(np.float32)

    found = ops.convert_to_numpy(layer(x, training=False))

    expected = by_hand(weights, np.float64(x), options.get("pooling", "flatten"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("exponent", [1.0, 3.0, 30.0])
def test_the_generalized_mean_is_its_formula(exponent, rng):
    x = rng.uniform(-0.5, 4.0, size=(2, 3, 5, 4))
    found = ops.convert_to_numpy(GeneralizedMeanPooling(exponent)(np.float32(x)))
    expected = (np.maximum(x, 1e-6) ** exponent).mean((1, 2)) ** (1 / exponent)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("size", [1e-20, 0.0, -1.0, 1e20])
def test_its_gradient_is_finite_at_any_size(size):
    layer = GeneralizedMeanPooling(30.0)
    for gradient in gradients(layer, np.full((1, 2, 2, 3), size, np.float32)):
        assert np.isfinite(gradient).all()


def test_seed_s_weights_and_no_others():
    layer = FeatureRepresentation(512)
    layer.build((None, 4, 4, 8))

    shapes = {w.path.split("/", 1)[1]: tuple(w.shape) for w in layer.trainable_weights}

    assert shapes == {
        "input_norm/gamma": (8,),
        "input_norm/beta": (8,),
        "dense/kernel": (128, 512),
        "dense/bias": (512,),
        "output_norm/gamma": (512,),
        "output_norm/beta": (512,),
    }


def test_training_normalizes_the_batch_and_drops():
    layer = FeatureRepresentation(4, dropout=0.5, seed=1)
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(64, 2, 2, 3)).astype(np.float32)

    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))

    np.testing.assert_allclose(first.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(first.std(0), 1.0, atol=1e-2)
    assert np.abs(first - second).max() > 0.1


def test_normalize_gives_unit_vectors(rng):
    layer, _ = with_random_weights(rng, (2, 2, 3), normalize=True)

    found = ops.convert_to_numpy(layer(rng.normal(size=(4, 2, 2, 3)).astype(np.float32)))

    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1.0, rtol=1e-5)


def test_regularizer_is_on_the_dense_kernel_only():
    layer = FeatureRepresentation(4, kernel_regularizer=keras.regularizers.L2(5e-4))
    layer(np.zeros((1, 2, 2, 3), np.float32))
    kernel = next(w for w in layer.weights if w.path.endswith("dense/kernel"))

    (penalty,) = layer.losses

    expected = 5e-4 * (ops.convert_to_numpy(kernel).astype(np.float64) ** 2).sum()
    assert ops.convert_to_numpy(penalty) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"embedding_dim": -1}, "`embedding_dim` must be a positive integer"),
        ({"dropout": 1.0}, r"`dropout` must be within \[0, 1\). Received: dropout=1.0"),
        ({"pooling": "max"}, "`pooling` must be one of .* Received: pooling='max'"),
    ],
)
def test_arguments_out_of_range(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        FeatureRepresentation(**{"embedding_dim": 4, **arguments})


def test_gdc_needs_a_feature_map():
    with pytest.raises(ValueError, match="needs an input of shape"):
        FeatureRepresentation(4, pooling="gdc")(np.zeros((2, 8), np.float32))
