"""The layers and the evaluation measure the same, on the backend of this session."""

import numpy as np
import pytest
from keras import ops

from framl_keras.similarities import distances, get, names


@pytest.mark.parametrize("dim", [7, 512])
@pytest.mark.parametrize("similarity", names())
def test_distances_are_the_layers(similarity, dim, rng):
    left = rng.normal(0.01, dim**-0.5, size=(64, dim)).astype(np.float32)
    right = (left + rng.normal(0, dim**-0.5, size=(64, dim))).astype(np.float32)
    pairs = np.stack([np.arange(64), np.arange(64, 128)], axis=1)
    expected = distances(np.concatenate([left, right]), pairs, similarity)

    found = get(similarity).layer().distance(left, right)

    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, atol=1e-5)
