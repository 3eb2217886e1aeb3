"""A folded model gives what the model gives, with fewer variables."""

import keras
import numpy as np
import pytest
from keras import layers

from framl_keras.evaluation.embed import l2_normalized
from framl_keras.keras_internals import layers_within
from framl_keras.models import embedding_model, folded

SIDE = 40
FAMILIES = {
    "FaceResNet10": {},
    "IResNet10": {},
    "IResNet10SE": {"pooling": "average", "normalize": True},
    "AdaFaceIR18": {"pooling": "gem"},
    "MobileFaceNet": {"pooling": "gdc"},
    "MobileNetV2": {"use_bias": False, "final_scale": False},
    "MobileNetV3Small": {"input_batch_norm": False},
    "EfficientNetV2B0": {"pooling": "average"},
}


def with_own_statistics(model, pixels):
    """A model whose batch norms have seen the images, so that its numbers are as after training."""
    norms = [each for each in layers_within(model) if isinstance(each, layers.BatchNormalization)]
    rng = np.random.default_rng(0)
    for norm in norms:
        norm.momentum = 0.0
        for variable in norm.trainable_variables:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    model(pixels, training=True)
    return model


@pytest.mark.parametrize("name", FAMILIES)
def test_a_backbone_folds(name, rng):
    keras.utils.set_random_seed(0)
    options = {"embedding_dim": 8, "dropout": 0.0, **FAMILIES[name]}
    pixels = rng.integers(0, 256, size=(8, SIDE, SIDE, 3), dtype=np.uint8)
    model = with_own_statistics(embedding_model(name, SIDE, **options), pixels)
    before = [weight.numpy() for weight in model.weights]

    made = folded(model)

    expected = l2_normalized(model.predict(pixels, verbose=0))
    found = l2_normalized(made.predict(pixels, verbose=0))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(expected - expected[::-1]).max() > 0.1  # not because all embeddings are one
    assert len(made.weights) < len(model.weights)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)


def small(*stages):
    pixels = keras.Input((9, 7, 4))
    x = pixels
    for stage in stages:
        x = stage(x)
    return keras.Model(pixels, layers.Flatten()(x))


def used_twice():
    pixels = keras.Input((9, 7, 4))
    convolved = layers.Conv2D(4, 3)(pixels)
    normed = layers.BatchNormalization()(convolved)
    return keras.Model(pixels, layers.Flatten()(layers.Add()([convolved, normed])))


def called_twice():
    pixels, norm = keras.Input((9, 7, 4)), layers.BatchNormalization()
    x = norm(layers.Conv2D(4, 3)(pixels))
    return keras.Model(pixels, layers.Flatten()(norm(layers.Conv2D(4, 3)(x))))


CASES = {  # how many norms are still there, as one operation
    "convolution": (lambda: small(layers.Conv2D(6, 3), layers.BatchNormalization()), 0),
    "groups": (
        lambda: small(layers.Conv2D(6, 3, groups=2, use_bias=False), layers.BatchNormalization()),
        0,
    ),
    "depthwise": (
        lambda: small(
            layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2),
            layers.BatchNormalization(scale=False),
        ),
        0,
    ),
    "separable": (
        lambda: small(layers.SeparableConv2D(5, 3), layers.BatchNormalization(center=False)),
        0,
    ),
    "uneven padding": (
        lambda: small(layers.Conv2D(6, 4, (2, 3), padding="same"), layers.BatchNormalization()),
        0,
    ),
    "dense": (lambda: small(layers.Flatten(), layers.Dense(5), layers.BatchNormalization()), 0),
    "activation between": (
        lambda: small(layers.Conv2D(6, 3, activation="relu"), layers.BatchNormalization()),
        1,
    ),
    "before the convolution": (lambda: small(layers.BatchNormalization(), layers.Conv2D(6, 3)), 1),
    "numbers of data": (lambda: small(layers.Normalization(), layers.Conv2D(6, 3)), 1),
    "back to data": (lambda: small(layers.Conv2D(4, 3), layers.Normalization(invert=True)), 0),
    "numbers given": (lambda: small(layers.Normalization(mean=[3, 2, 1, 0], variance=[4] * 4)), 1),
    "numbers a column": (lambda: small(layers.Normalization(axis=2)), 0),
    "PReLU": (lambda: small(layers.PReLU(shared_axes=(1, 2)), layers.PReLU()), 0),
    "used twice": (used_twice, 1),
    "called twice": (called_twice, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_what_folds_and_what_does_not(case, rng):
    make, norms = CASES[case]
    x = np.float32(rng.normal(size=(8, 9, 7, 4)))
    model = with_own_statistics(make(), x)
    for weight in model.weights:
        if weight.path.endswith("alpha"):
            weight.assign(rng.uniform(0, 1, weight.shape))
    for layer in model.layers:
        if isinstance(layer, layers.Normalization) and layer.input_mean is None:
            layer.adapt(3 * x[..., : layer.mean.shape[-1]] + 1)

    made = folded(model)

    np.testing.assert_allclose(
        made.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert sum(type(each).__name__ == "ChannelScale" for each in made.layers) == norms


def test_half_precision_stays_as_it_is():
    pixels = keras.Input((9, 7, 4))
    x = layers.Conv2D(4, 3, dtype="mixed_bfloat16")(pixels)
    model = keras.Model(pixels, layers.BatchNormalization(dtype="mixed_bfloat16")(x))

    assert [type(each) for each in folded(model).layers] == [type(each) for each in model.layers]
