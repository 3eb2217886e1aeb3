import numpy as np
import pytest
from on_backend import values
from scipy.spatial.distance import cdist

from framl_keras.ops.all_pairs import all_pairs
from framl_keras.ops.similarity import cosine_similarity, squared_difference


@pytest.mark.parametrize("floats", [1, 8, 60, 10**6])
@pytest.mark.parametrize(
    ("measure", "metric"), [(squared_difference, "sqeuclidean"), (cosine_similarity, "cosine")]
)
def test_blocks_of_any_size_give_scipy_s_table(measure, metric, floats, rng):
    a, b = np.float32(rng.normal(size=(5, 4))), np.float32(rng.normal(size=(7, 4)))

    found = values(lambda a, b: all_pairs(measure, a, b, floats), a, b)

    expected = cdist(a, b, metric)
    expected = 1 - expected if metric == "cosine" else expected
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_no_block_is_larger_than_asked():
    seen = []

    def measure(a, b):
        seen.append(a.shape[0] * b.shape[1] * a.shape[-1])
        return squared_difference(a, b)

    values(lambda a, b: all_pairs(measure, a, b, 40), np.ones((9, 4)), np.ones((6, 4)))

    assert max(seen) <= 40
    assert sum(seen) == 9 * 6 * 4


def test_nobody_to_compare_with():
    table = values(
        lambda a, b: all_pairs(squared_difference, a, b), np.ones((0, 4)), np.ones((6, 4))
    )

    assert table.shape == (0, 6)
