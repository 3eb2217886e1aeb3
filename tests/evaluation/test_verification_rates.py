"""ROC and what is read off it, against scikit-learn and plain counting."""

import numpy as np
import pytest
from faces import pairs_of_faces
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc
from sklearn.model_selection import KFold

from framl_keras.evaluation import verify
from framl_keras.evaluation.operating_point import Confusion
from framl_keras.evaluation.roc import (
    area_under,
    d_prime,
    equal_error_rate,
    roc_curve,
    tar_at_far,
    val_at_far,
)


def _distances(levels, pairs=300, seed=0):
    """Distances on few or many levels, so that there are many or no ties."""
    rng = np.random.default_rng(seed)
    is_same = rng.random(pairs) < 0.4
    return np.floor(levels * (rng.random(pairs) + 0.4 * ~is_same)) / levels, is_same


@pytest.mark.parametrize("levels", [1, 3, 20, 10**9])
def test_roc_auc_and_eer_are_scikit_learns(levels):
    distance, is_same = _distances(levels)
    roc = roc_curve(distance, is_same)
    fpr, tpr, _ = sklearn_roc(is_same, -distance, drop_intermediate=False)
    np.testing.assert_array_equal(roc.fpr, fpr)
    np.testing.assert_array_equal(roc.tpr, tpr)
    assert area_under(roc) == pytest.approx(roc_auc_score(is_same, -distance), abs=1e-12)
    eer = brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1)
    assert equal_error_rate(roc) == pytest.approx(eer, abs=1e-9)


@pytest.mark.parametrize("levels", [2, 10, 10**9])
def test_tar_counts_and_says_where_it_stops(levels):
    distance, is_same = _distances(levels)
    count = int(np.sum(~is_same))
    points = tar_at_far(roc_curve(distance, is_same), count)
    assert [point.far for point in points] == [1e-1, 1e-2, 1e-3]  # 1e-3 lies beyond
    assert [point.is_resolved for point in points] == [True, True, False]
    for point in points:
        reachable = [
            t for t in [0, *distance + 1e-12] if np.mean(distance[~is_same] < t) <= point.far
        ]
        assert point.tar == max(np.mean(distance[is_same] < t) for t in reachable)
        assert np.sum(distance[~is_same] < point.threshold) == point.false_accepts
        assert np.mean(distance[is_same] < point.threshold) == point.tar


def test_a_rate_that_rounding_hides_is_still_resolved():
    is_same = np.arange(301) == 300
    distance = np.append(np.arange(1.0, 301), 3.5)
    (point,) = tar_at_far(roc_curve(distance, is_same), 300, (0.01,))  # 0.01 * 300 < 3 in floats
    assert (point.false_accepts, point.tar) == (3, 1.0)


def test_val_is_insightfaces_on_distinct_rates():
    """Its interpolation needs rates without repeats, so the distances are spread evenly."""
    rng = np.random.default_rng(0)
    is_same = np.tile([True, False], 1000)
    distance = np.where(is_same, rng.random(2000) * 3, 0)
    distance[~is_same] = rng.permutation(np.linspace(0, 3.999, 1000))
    thresholds = np.arange(0, 4, 0.001)
    vals, fars = [], []
    for train, test in KFold(10).split(distance):
        rates = [np.mean(distance[train][~is_same[train]] < t) for t in thresholds]
        distinct, first = np.unique(rates, return_index=True)
        threshold = interp1d(distinct, thresholds[first])(0.1)
        vals.append(np.mean(distance[test][is_same[test]] < threshold))
        fars.append(np.mean(distance[test][~is_same[test]] < threshold))
    found = val_at_far(distance, is_same, np.repeat(np.arange(10), 200), 0.1)
    assert found.val == pytest.approx(np.mean(vals), abs=5e-3)
    assert found.measured_far == pytest.approx(np.mean(fars), abs=5e-3)


def test_d_prime_counts_deviations():
    rng = np.random.default_rng(0)
    is_same = np.arange(200_000) % 2 == 0
    assert d_prime(rng.normal(size=200_000) + 3.0 * ~is_same, is_same) == pytest.approx(3, abs=0.02)


def test_rates_at_an_operating_point():
    point = Confusion(*map(np.array, (8, 1, 9, 2)))
    assert (point.accuracy, point.recall, point.precision) == (0.85, 0.8, 8 / 9)
    assert (point.specificity, point.false_positive_rate) == (0.9, 0.1)
    assert point.f1 == pytest.approx(2 * 0.8 * (8 / 9) / (0.8 + 8 / 9))


def test_counts_of_folds_add_up_to_what_was_judged():
    embeddings, is_same = pairs_of_faces(200, noise=3.0)
    found = verify(embeddings, None, is_same, bootstrap=0)
    total = found.confusion
    assert (total.tp + total.fn, total.fp + total.tn) == (is_same.sum(), (~is_same).sum())
    assert total.accuracy == np.mean(found.is_right)


@pytest.mark.parametrize("is_same", [np.ones(20, bool), np.zeros(20, bool)])
def test_one_kind_alone_has_no_roc(is_same):
    found = verify(pairs_of_faces(20)[0], None, is_same)
    assert np.isnan(found.auc)
    assert np.isnan(found.eer)
    assert (found.tar, found.intervals) == ([], {})
