import numpy as np
import pytest
from faces import pairs_of_faces, people, unit
from scipy.stats import binomtest
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from framl_keras.errors import UserError
from framl_keras.evaluation import verify
from framl_keras.evaluation.arrays import as_identities
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.intervals import PairVariance
from framl_keras.evaluation.links import Units, units_of
from framl_keras.evaluation.rate_intervals import influences_of
from framl_keras.evaluation.roc import equal_error_rate, roc_curve, tar_at_far
from framl_keras.evaluation.significance import mcnemar, paired_test
from framl_keras.evaluation.student_t import two_sided_p, two_sided_quantile


@pytest.mark.parametrize("df", [2, 5, 19, 100, 1000, 1e5])
def test_students_t_is_scipys(df):
    assert two_sided_quantile(0.95, df) == pytest.approx(student.ppf(0.975, df), rel=1e-3)
    for t in (0.1, 1.0, 2.5, 4.0):
        assert two_sided_p(-t, df) == pytest.approx(2 * student.sf(t, df), rel=2e-2, abs=1e-5)


def _distances(seed=0, count=40, images=5):
    """Distances of all pairs, and the influences on each rate."""
    vectors, identities = people(count, images, noise=1.3, seed=seed)
    pairs, is_same = identity_pairs(identities)
    return verify(vectors, pairs, is_same, identities=identities, folds=10, balanced=True)


def test_influences_are_what_dropping_pairs_changes():
    """Against the rates without every tenth pair: the drop is the dropped influences' sum."""
    found = _distances()
    influences = influences_of(found, PairVariance(found.units, found.is_same))
    kept = np.arange(len(found.distance)) % 10 != 0
    d, is_same = found.distance[kept], found.is_same[kept]
    roc = roc_curve(d, is_same)
    after = {"auc": roc_auc_score(is_same, -d), "eer": equal_error_rate(roc)}
    (tar,) = tar_at_far(roc, int((~is_same).sum()), (0.1,))
    after["tar@0.1"] = tar.tar
    before = {"auc": found.auc, "eer": found.eer, "tar@0.1": found.tar_at(0.1).tar}
    for name, rate in after.items():
        expected = -influences[name][~kept].sum() / 0.9
        assert influences[name].sum() == pytest.approx(0, abs=1e-9)
        assert rate - before[name] == pytest.approx(expected, abs=4e-3)


def test_the_variance_of_independent_pairs_is_delongs_and_the_binomial_one():
    embeddings, is_same = pairs_of_faces(2000, noise=4.5)
    found = verify(embeddings, None, is_same)
    assert found.resampled == "pairs"
    variance = PairVariance(found.units, is_same)
    both = influences_of(found, variance)
    same, different = found.distance[is_same], found.distance[~is_same]
    wins = (same[:, None] < different).astype(float)
    delong = wins.mean(1).var() / len(same) + wins.mean(0).var() / len(different)
    assert variance(both["auc"]).value == pytest.approx(delong, rel=0.01)
    rate = found.accuracy
    binomial = rate * (1 - rate) / 2000
    assert variance(both["accuracy"]).value == pytest.approx(binomial, rel=0.05)


def test_the_variance_of_shared_identities_is_that_of_leaving_each_out():
    """Against the jackknife, which drops an identity and computes the AUC anew."""
    found = _distances(count=30)
    left, right = found.units.of_pairs.T
    drops = []
    for identity in range(30):
        kept = (left != identity) & (right != identity)
        drops.append(roc_auc_score(found.is_same[kept], -found.distance[kept]))
    jackknife = 29 / 30 * np.sum((np.array(drops) - np.mean(drops)) ** 2)
    variance = PairVariance(found.units, found.is_same)
    value = variance(influences_of(found, variance)["auc"]).value
    assert 0.7 * jackknife < value < 1.1 * jackknife  # which counts what two share twice


SETS = {
    "all known": ([0, 0, 1, 1, 2, 2], None, "identities", 3),
    "strings": (list("aabbcc"), None, "identities", 3),
    "one unknown": ([0, 0, 1, 1, 2, -1], None, "identities and links", 3),
    "none known": (None, None, "links", 3),
    "none known, two equal images": (None, [0, 1, 2, 3, 4, 0], "links", 2),
}


@pytest.mark.parametrize("name", SETS)
def test_units_follow_from_identities_same_pairs_and_equal_images(name):
    identities, equal, source, count = SETS[name]
    pairs = np.array([[0, 1], [2, 3], [4, 5], [0, 2], [1, 4], [3, 5]])
    is_same = np.arange(6) < 3
    if identities is not None:
        identities = as_identities(identities, 6)
    units = units_of(pairs, is_same, identities, None if equal is None else np.array(equal))
    assert (units.source, units.count) == (source, count)
    if count == 3:
        assert units.of_pairs.tolist() == [[0, 0], [1, 1], [2, 2], [0, 1], [0, 2], [1, 2]]


def test_linked_images_have_the_interval_of_known_identities():
    vectors, identities = people(12, 6, noise=1.5)
    pairs, is_same = identity_pairs(identities)
    known = verify(vectors, pairs, is_same, folds=10, identities=identities)
    linked = verify(vectors, pairs, is_same, folds=10)
    partly = verify(vectors, pairs, is_same, identities=np.where(identities < 3, -1, identities))
    assert linked.intervals["auc"] == pytest.approx(known.intervals["auc"], rel=1e-12)
    assert partly.intervals["auc"] == pytest.approx(known.intervals["auc"], rel=1e-12)
    alone = PairVariance(
        Units(np.arange(len(pairs))[:, None].repeat(2, 1), len(pairs), "pairs"), is_same
    )
    influence = influences_of(known, alone)["auc"]
    assert np.ptp(known.intervals["auc"]) > 1.5 * 3.92 * alone.error(influence)


def test_intervals_that_few_identities_cannot_support_are_left_out():
    vectors, identities = people(2, 10)
    pairs, is_same = identity_pairs(identities)
    found = verify(vectors, pairs, is_same, identities=identities)
    assert found.intervals == {}
    test = paired_test(found, found)
    assert test.differences["auc"].interval is None
    assert np.isnan(test.differences["auc"].p)


def test_a_rate_without_an_error_has_the_binomial_bound():
    vectors, identities = people(25, 3, noise=0.01)
    pairs, is_same = identity_pairs(identities)
    found = verify(vectors, pairs, is_same, identities=identities, balanced=True)
    low, high = found.intervals["accuracy"]
    expected = binomtest(25, 25).proportion_ci(0.95, "exact").low
    assert (low, high) == (pytest.approx(expected), 1.0)


def test_intervals_hold_the_truth_and_tests_keep_their_level():
    """A short run of `benchmarks/coverage.py`: 60 worlds of 20 identities, two equal models."""
    held, rejected = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        identities = np.repeat(np.arange(20), 4)
        centers = rng.normal(size=(20, 16))[identities]
        models = [unit(centers + 1.1 * rng.normal(size=centers.shape)) for _ in range(2)]
        pairs, is_same = identity_pairs(identities)
        first, second = (verify(v, pairs, is_same, folds=10, bootstrap=30) for v in models)
        low, high = first.intervals["auc"]
        held += low <= 0.9095 <= high  # the mean of a thousand such worlds
        rejected += paired_test(first, second, repeats=30).differences["auc"].p < 0.05
    assert held >= 52  # 57 expected, and fewer than 52 once in 100 such runs
    assert rejected <= 8


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
