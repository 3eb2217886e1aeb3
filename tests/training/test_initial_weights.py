import math
import zlib

import keras
import numpy as np
import pytest

from framl_keras.training.build.initial_weights import draw_initial_weights

CASES = {
    "glorot_uniform": ((3, 3, 40, 60), math.sqrt(2 / (9 * 40 + 9 * 60))),
    "he_normal": ((3, 3, 40, 60), math.sqrt(2 / (9 * 40))),
    "lecun_uniform": ((300, 200), math.sqrt(1 / 300)),
    "random_normal": ((300, 200), 0.05),
    "random_uniform": ((300, 200), 0.1 / math.sqrt(12)),
    "truncated_normal": ((300, 200), 0.05 * 0.8796),
}


def layer_with(initializer, shape, name="layer"):
    layer = keras.layers.Layer(name=name)
    layer.kernel_initializer = keras.initializers.get(initializer)
    layer.add_weight(shape=shape, initializer=layer.kernel_initializer, name="kernel")
    layer.built = True
    return layer


def drawn(initializer, shape, seed=0, name="layer"):
    layer = layer_with(initializer, shape, name)
    draw_initial_weights(keras.Sequential([layer]), seed)
    return keras.ops.convert_to_numpy(layer.weights[0])


@pytest.mark.parametrize("initializer", CASES)
def test_the_distribution_is_the_initializers_own(initializer):
    shape, deviation = CASES[initializer]
    values = drawn(initializer, shape)
    assert values.mean() == pytest.approx(0, abs=4 * deviation / math.sqrt(values.size))
    assert values.std() == pytest.approx(deviation, rel=0.02)
    if "uniform" in initializer:
        assert np.abs(values).max() <= deviation * math.sqrt(3) * (1 + 1e-6)


def test_values_depend_on_seed_and_path_alone():
    first = drawn("he_normal", (4, 5))
    np.testing.assert_array_equal(first, drawn("he_normal", (4, 5)))
    assert not np.array_equal(first, drawn("he_normal", (4, 5), seed=1))
    assert not np.array_equal(first, drawn("he_normal", (4, 5), name="other"))


def test_values_come_from_numpy_and_so_are_the_same_on_every_backend():
    rng = np.random.default_rng([7, zlib.crc32(b"layer/kernel")])
    limit = math.sqrt(6 / (2 + 2))
    expected = rng.uniform(-limit, limit, (2, 2)).astype(np.float32)
    np.testing.assert_array_equal(drawn("glorot_uniform", (2, 2), seed=7), expected)


def test_constants_stay_as_they_are():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 3))
    draw_initial_weights(keras.Sequential([layer]), 0)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.gamma), np.ones(3))
