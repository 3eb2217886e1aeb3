import json

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression

from framl_keras.errors import UserError
from framl_keras.evaluation.calibration import calibrate, read_calibrations, write_calibrations
from framl_keras.evaluation.logistic import RIDGE, cllr, fit_logistic, min_cllr


def _distances(same=300, different=3000, apart=2.0, seed=0):
    """Normal distances with equal spread: the true log-likelihood ratio is linear."""
    rng = np.random.default_rng(seed)
    is_same = np.arange(same + different) < same
    return rng.normal(size=len(is_same)) + apart * ~is_same, is_same


def test_the_map_is_where_a_general_minimizer_finds_it():
    distance, is_same = _distances()
    spread = distance.std()

    def loss(parameters):
        slope, intercept = parameters
        odds = intercept - slope * distance
        same = np.logaddexp(0, -odds[is_same]).mean() / 2
        return same + np.logaddexp(0, odds[~is_same]).mean() / 2 + RIDGE / 2 * (slope * spread) ** 2

    expected = minimize(loss, [1.0, 0.0], tol=1e-12).x
    np.testing.assert_allclose(fit_logistic(distance, is_same), expected, rtol=1e-3)


def test_the_map_is_the_true_one_and_stays_finite_without_overlap():
    slope, intercept = fit_logistic(*_distances(20_000, 20_000))
    assert slope == pytest.approx(2.0, rel=0.05)
    assert intercept == pytest.approx(2.0, rel=0.05)
    assert np.isfinite(fit_logistic(*_distances(apart=50.0))).all()


def test_cllr_of_knowing_nothing_is_one_bit_and_the_minimum_is_isotonic():
    distance, is_same = _distances(200, 500)
    assert cllr(np.zeros(700), is_same) == pytest.approx(1.0)
    distance = np.round(distance, 1)  # ties
    weights = np.where(is_same, 0.5 / 200, 0.5 / 500)
    isotonic = IsotonicRegression(y_min=0, y_max=1, increasing=False)
    chance = isotonic.fit_transform(distance, is_same.astype(float), sample_weight=weights)
    with np.errstate(divide="ignore"):
        expected = cllr(np.log(chance) - np.log1p(-chance), is_same)
    assert min_cllr(distance, is_same) == pytest.approx(expected, abs=1e-9)


def test_a_calibration_gives_a_verdict_and_a_probability_and_survives_the_disk(tmp_path):
    distance, is_same = _distances()
    found = calibrate(distance, is_same, "cos", far=0.01, model="abc")
    assert np.mean(distance[~is_same] < found.threshold) == 0.01
    assert found.is_same(-5)
    assert not found.is_same(5)
    assert found.probability(-5) > 0.99
    assert found.probability(9) < 0.01
    assert found.min_cllr <= found.cllr < 0.6
    write_calibrations(tmp_path, [found])
    write_calibrations(tmp_path, [calibrate(distance, is_same, "ssim", far=0.01, model="abc")])
    assert read_calibrations(tmp_path)["cos"] == found
    assert set(read_calibrations(tmp_path, "abc")) == {"cos", "ssim"}
    assert read_calibrations(tmp_path, "another") == {}
    (tmp_path / "calibration.json").write_text('[{"far": 1}]')
    with pytest.raises(UserError, match="not a calibration"):
        read_calibrations(tmp_path)


def test_too_few_pairs_for_the_rate_are_refused():
    with pytest.raises(UserError, match="100000 different-pairs at least"):
        calibrate(*_distances(), "cos", far=1e-5)


def test_of_fresh_pairs_as_many_are_accepted_as_the_rate_says():
    """At the smallest rate that 1,000 pairs can tell: on average, not twice as many."""
    rng = np.random.default_rng(0)
    rates = []
    for _ in range(400):
        different = rng.uniform(size=1000)  # a threshold is the false accept rate on fresh pairs
        distance = np.concatenate([np.full(10, -1.0), different])
        rates.append(calibrate(distance, np.arange(1010) < 10, "cos", far=1e-3).threshold)
    assert np.mean(rates) == pytest.approx(1e-3, rel=0.15)


def test_a_rate_on_few_pairs_is_warned_of_and_has_its_interval(caplog, tmp_path):
    distance, is_same = _distances()
    few = calibrate(distance, is_same, "cos", far=1e-3, set_name="held-out")
    assert (few.false_accepts, few.is_resolved) == (3, False)
    assert "rests on 3 of 3,000 different-pairs" in caplog.text
    low, high = few.far_interval
    assert low < 1e-3 < high
    assert high > 2 * low
    caplog.clear()
    many = calibrate(distance, is_same, "cos", far=1e-2)
    assert (many.is_resolved, caplog.text) == (True, "")
    write_calibrations(tmp_path, [few])
    (stored,) = json.loads((tmp_path / "calibration.json").read_text())
    assert (stored["set"], stored["embedding"]) == ("held-out", "fused")
    assert read_calibrations(tmp_path)["cos"] == few
