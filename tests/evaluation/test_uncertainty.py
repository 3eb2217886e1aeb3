import numpy as np
import pytest
from faces import pairs_of_faces, people
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from framl_keras.errors import UserError
from framl_keras.evaluation import verify
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.intervals import drawer, sorted_once
from framl_keras.evaluation.roc import area_under
from framl_keras.evaluation.significance import mcnemar, paired_test


def test_weighted_roc_is_that_of_repeated_pairs():
    rng = np.random.default_rng(0)
    distance, is_same = np.round(rng.random(200), 1), rng.random(200) < 0.5
    times = rng.integers(4, size=200)
    repeated = np.repeat(np.arange(200), times)
    expected = roc_auc_score(is_same[repeated], -distance[repeated])
    roc = sorted_once(distance, is_same)(times.astype(float))
    assert area_under(roc) == pytest.approx(expected, abs=1e-12)


def test_drawing_people_takes_all_their_pairs_together():
    owners = np.array([[0, 0], [1, 1], [2, 2], [0, 0], [0, 1], [1, 2]])
    is_same = owners[:, 0] == owners[:, 1]
    draw = drawer(is_same, owners, np.random.default_rng(0))
    for _ in range(50):
        weights = draw()
        times = weights[:3]  # of the three people
        assert times.sum() == 3
        np.testing.assert_array_equal(
            weights[3:], [times[0], times[0] * times[1], times[1] * times[2]]
        )


def test_an_interval_of_independent_pairs_is_the_binomial_one():
    embeddings, is_same = pairs_of_faces(1000, noise=4.5)
    found = verify(embeddings, None, is_same)
    low, high = found.intervals["accuracy"]
    half = 1.96 * np.sqrt(found.accuracy * (1 - found.accuracy) / 1000)
    assert low < found.accuracy < high
    assert (high - low) / 2 == pytest.approx(half, rel=0.15)
    assert found.resampled == "pairs"


def test_shared_people_widen_the_interval():
    embeddings, identities = people(12, 8, noise=1.5)
    pairs, is_same = identity_pairs(identities)
    of_pairs = verify(embeddings, pairs, is_same, folds=10)
    of_people = verify(embeddings, pairs, is_same, folds=10, identities=identities)
    assert of_people.resampled == "identities"
    widths = [np.ptp(found.intervals["auc"]) for found in (of_people, of_pairs)]
    assert widths[0] > 1.5 * widths[1]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 9), (40, 40), (700, 800)])
def test_mcnemar_is_the_binomial_test(first, second):
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9)


def test_a_worse_model_is_told_from_a_better_one_and_not_from_itself():
    good, is_same = pairs_of_faces(500, dim=64, noise=1.0)
    noise = np.random.default_rng(1).normal(size=good.shape)
    better, worse = (verify(v, None, is_same, bootstrap=0) for v in (good, good + 0.3 * noise))
    test = paired_test(worse, better)
    assert test.differences["accuracy"].value > 0
    assert test.differences["accuracy"].interval[0] > 0
    assert test.differences["accuracy"].p < 0.01
    assert test.mcnemar_p < 0.01
    same = paired_test(better, better)
    assert same.differences["auc"] == (0.0, (0.0, 0.0), 1.0)
    with pytest.raises(UserError, match="Not the same pairs"):
        paired_test(better, verify(good, None, ~is_same, bootstrap=0))


def test_identity_pairs_are_all_there_are():
    identities = np.array([0, 1, 0, -1, 1, 0])
    pairs, is_same = identity_pairs(identities)
    expected = {
        (i, j): identities[i] == identities[j]
        for i in range(6)
        for j in range(i + 1, 6)
        if identities[i] >= 0 and identities[j] >= 0
    }
    found = {tuple(sorted(pair)): same for pair, same in zip(pairs.tolist(), is_same, strict=True)}
    assert found == expected
    sampled, is_same = identity_pairs(np.repeat(np.arange(50), 20), limit=300)
    assert len(np.unique(sampled, axis=0)) == len(sampled)
    assert (is_same.sum(), (~is_same).sum()) == (300, 300)
