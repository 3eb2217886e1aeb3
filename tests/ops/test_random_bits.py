import numpy as np
import pytest
from keras import ops

from framl_keras.ops.random_bits import counted_uniform

MASK = 0xFFFFFFFF


def mix(x):
    """lowbias32 in Python's unbounded integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D & MASK
    x ^= x >> 15
    x = x * 0x846CA68B & MASK
    return x ^ x >> 16


def reference(size, seed, count):
    key = mix(mix(count & MASK) ^ (seed & MASK))
    return np.array([(mix(i * 0x9E3779B9 & MASK ^ key) >> 8) / 2**24 for i in range(size)])


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 0), (1, 0), (0, 1), (2**40 + 3, 2**31 - 1), (-5, 7)]
)
def test_the_bits_are_those_of_unbounded_integers(seed, count):
    values = ops.convert_to_numpy(counted_uniform((5, 40), seed, count))
    np.testing.assert_array_equal(values.reshape(-1), reference(200, seed, count))


def test_numbers_are_uniform_and_steps_are_unrelated():
    first, second = (
        ops.convert_to_numpy(counted_uniform((100_000,), 3, count)).astype(float)
        for count in (10, 11)
    )
    counts = np.histogram(first, bins=100, range=(0, 1))[0]
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert 60 < chi_square < 150  # 99 degrees of freedom: outside once in a thousand
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.015
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.015


def test_no_numbers_for_an_empty_batch():
    assert tuple(counted_uniform((0, 4), 0, 0).shape) == (0, 4)
