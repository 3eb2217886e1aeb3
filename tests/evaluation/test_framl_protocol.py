"""FRAML's numbers, to the last digit, from a transcription in plain loops."""

import framl_reference as reference
import numpy as np
import pytest
from faces import pairs_of_faces

from framl_keras.errors import UserError
from framl_keras.evaluation import SIMILARITIES, distances, verify


def _tied(pairs=83):
    """Few distinct vectors, so that many distances are equal, some on the grid itself."""
    rng = np.random.default_rng(1)
    vectors = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.6, 0.8, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    return vectors[rng.integers(4, size=2 * pairs)], rng.random(pairs) < 0.5


def _constant(pairs=41):
    vectors = np.tile(pairs_of_faces(1)[0][:1], (2 * pairs, 1))
    return vectors, np.random.default_rng(2).random(pairs) < 0.4


def _opposite(pairs=30):
    vectors = np.tile(pairs_of_faces(1)[0][:1], (2 * pairs, 1))
    vectors[1::2] *= -1
    return vectors, np.arange(pairs) % 3 == 0


CASES = {
    "random": pairs_of_faces(107, noise=1.5),
    "odd dim, not unit": (pairs_of_faces(60, dim=37)[0] * 1.3, pairs_of_faces(60, dim=37)[1]),
    "all same": (pairs_of_faces(40)[0], np.ones(40, dtype=bool)),
    "all different": (pairs_of_faces(40)[0], np.zeros(40, dtype=bool)),
    "tied": _tied(),
    "constant": _constant(),
    "opposite": _opposite(),
    "single": (pairs_of_faces(53)[0].astype(np.float32), pairs_of_faces(53)[1]),
}


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("case", CASES)
def test_equals_framl_to_the_last_digit(case, similarity):
    embeddings, is_same = CASES[case]
    _assert_equal(embeddings, is_same, similarity, folds=10)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_two_pairs_in_two_folds(similarity):
    embeddings, _ = pairs_of_faces(2)
    _assert_equal(embeddings, np.array([True, False]), similarity, folds=2)


@pytest.mark.parametrize("similarity", ["diff", "cos", "fft_corr"])
def test_equals_framl_at_the_size_of_lfw(similarity):
    _assert_equal(*pairs_of_faces(6000, noise=2.5, seed=3), similarity, folds=10)


def _assert_equal(embeddings, is_same, similarity, folds):
    expected = reference.evaluate(reference.distances(embeddings, similarity), is_same, folds)
    found = verify(embeddings, None, is_same, similarity, "framl", folds, bootstrap=0)
    accuracies, thresholds, tpr, fpr = expected
    np.testing.assert_array_equal(found.folds.accuracy, accuracies)
    np.testing.assert_array_equal(found.folds.thresholds, thresholds)
    np.testing.assert_array_equal(found.grid.tpr, tpr)
    np.testing.assert_array_equal(found.grid.fpr, fpr)
    assert found.accuracy == accuracies.mean()
    assert found.threshold == thresholds.mean()


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("dim", [1, 2, 37, 512])
def test_distances_are_scipys(similarity, dim):
    embeddings, _ = pairs_of_faces(50, dim)
    pairs = np.arange(100).reshape(-1, 2)
    expected = reference.distances(embeddings, similarity)
    np.testing.assert_allclose(distances(embeddings, pairs, similarity), expected, atol=1e-14)


def test_distances_have_scipys_last_bits():
    """They decide on which side of a threshold a degenerate pair falls."""
    embeddings, _ = pairs_of_faces(40)
    pairs = np.arange(80).reshape(-1, 2)
    for similarity in ("corr", "direct_corr", "diff", "cos"):
        expected = reference.distances(embeddings, similarity)
        np.testing.assert_array_equal(distances(embeddings, pairs, similarity), expected)


def test_ten_folds_need_ten_pairs():
    embeddings, is_same = pairs_of_faces(9)
    with pytest.raises(UserError, match="9 pairs into 10 folds"):
        verify(embeddings, None, is_same, protocol="framl")
