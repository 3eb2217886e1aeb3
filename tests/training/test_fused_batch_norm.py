import keras
import numpy as np
import pytest
from keras import layers, ops
from on_backend import gradients
from small_runs import changed

from framl_keras.training.build.fused_batch_norm import fuse_batch_norm
from framl_keras.training.parity.compare import compare
from framl_keras.training.parity.first_steps import first_steps

FUSES = keras.backend.backend() != "jax"
SHAPE = (6, 5, 4, 3)


def pair(shape=SHAPE, **options):
    """A layer as Keras has it and one that is fused, with equal weights."""
    rng, made = np.random.default_rng(1), []
    for _ in range(2):
        layer = layers.BatchNormalization(**options)
        model = keras.Sequential([keras.Input(shape[1:], batch_size=shape[0]), layer])
        made.append((layer, model))
    own, (fused, model) = made[0][0], made[1]
    for left, right in zip(own.weights, fused.weights, strict=True):
        left.assign(rng.uniform(0.5, 2.0, left.shape))
        right.assign(left)
    fuse_batch_norm(model)
    return own, fused


def is_fused(layer):
    return "call" in vars(layer)


CASES = {
    "as usual": ({}, SHAPE),
    "a small epsilon": ({"epsilon": 1.01e-5, "momentum": 0.9}, SHAPE),
    "no scale": ({"scale": False}, SHAPE),
    "no offset": ({"center": False, "axis": 3}, SHAPE),
    "a single value": ({}, (1, 1, 1, 3)),
    "many channels": ({}, (2, 7, 7, 130)),
}


@pytest.mark.skipif(not FUSES, reason="nothing is replaced")
@pytest.mark.parametrize("case", CASES)
def test_values_gradients_and_statistics_are_those_of_keras(case, rng):
    options, shape = CASES[case]
    own, fused = pair(shape, **options)
    assert is_fused(fused)
    x = rng.normal(2.0, 3.0, shape)
    weigh = ops.convert_to_tensor(rng.normal(size=shape).astype("float32"))
    before = ops.convert_to_numpy(fused.moving_variance)
    found = [ops.convert_to_numpy(layer(np.float32(x), training=True)) for layer in (own, fused)]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=2e-5)

    grads = [
        gradients(lambda x, layer=layer: layer(x, training=True) * weigh, x, jit=False)[0]
        for layer in (own, fused)
    ]
    np.testing.assert_allclose(grads[1], grads[0], rtol=1e-4, atol=2e-5)

    momentum, once = fused.momentum, np.float32(x).astype(float).var(axis=(0, 1, 2))
    twice = (before * momentum + once * (1 - momentum)) * momentum + once * (1 - momentum)
    np.testing.assert_allclose(ops.convert_to_numpy(fused.moving_variance), twice, rtol=1e-5)
    for left, right in zip(own.weights, fused.weights, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(right), ops.convert_to_numpy(left), rtol=1e-5
        )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision(policy, rng):
    own, fused = pair(dtype=policy)
    x = ops.cast(ops.convert_to_tensor(rng.normal(300, 100, SHAPE)), own.compute_dtype)
    left, right = own(x, training=True), fused(x, training=True)
    assert keras.backend.standardize_dtype(right.dtype) == own.compute_dtype
    left, right = (ops.convert_to_numpy(ops.cast(y, "float32")) for y in (left, right))
    np.testing.assert_allclose(right, left, rtol=1e-2, atol=1e-2)
    np.testing.assert_allclose(
        ops.convert_to_numpy(fused.moving_variance), ops.convert_to_numpy(own.moving_variance), 1e-4
    )


class OnesOwn(layers.BatchNormalization):
    """Stands for a layer that does something else."""


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(axis=1),
        layers.BatchNormalization(epsilon=1e-7),
        layers.BatchNormalization(dtype="float64"),
        layers.LayerNormalization(),
        OnesOwn(),
    ],
)
def test_what_does_not_fit_is_left_alone(layer):
    fuse_batch_norm(keras.Sequential([keras.Input(SHAPE[1:]), layer]))
    assert not is_fused(layer)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="Keras has it there only")
def test_statistics_over_several_devices_are_left_alone():
    layer = layers.BatchNormalization(synchronized=True)
    fuse_batch_norm(keras.Sequential([keras.Input(SHAPE[1:]), layer]))
    assert not is_fused(layer)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 2, 2, 3)])
def test_other_ranks_are_left_alone(shape):
    layer = layers.BatchNormalization()
    fuse_batch_norm(keras.Sequential([keras.Input(shape), layer]))
    assert not is_fused(layer)


def test_inference_frozen_layers_and_masks_go_the_old_way(rng):
    own, fused = pair()
    x = rng.normal(size=SHAPE).astype("float32")
    mask = rng.random(SHAPE[:-1]) < 0.5

    def both(**how):
        return [ops.convert_to_numpy(layer(x, **how)) for layer in (own, fused)]

    np.testing.assert_array_equal(*both(training=False))
    np.testing.assert_array_equal(*both(training=True, mask=mask))
    own.trainable = fused.trainable = False
    np.testing.assert_array_equal(*both(training=True))


def test_a_fused_model_is_saved_as_any_other(tmp_path, rng):
    inner = keras.Sequential([keras.Input(SHAPE[1:]), layers.BatchNormalization()], name="inner")
    pixels = keras.Input(SHAPE[1:])
    model = keras.Model(pixels, inner(pixels))
    config = model.get_config()
    fuse_batch_norm(model)
    assert is_fused(inner.layers[0]) == FUSES
    assert model.get_config() == config
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = rng.normal(size=SHAPE).astype("float32")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.skipif(not FUSES, reason="nothing is replaced")
def test_a_recipe_trains_the_same_with_and_without(recipe):
    plain = changed(recipe, train={"fused_batch_norm": False})
    parity = compare(first_steps(plain, "fit", 4), first_steps(recipe, "fit", 4))
    assert parity.start.size == 0
    assert parity.gradient.size < 1e-5
    assert parity.weight.size < 1e-5
