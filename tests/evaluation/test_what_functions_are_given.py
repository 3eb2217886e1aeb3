"""Every public function of evaluation takes lists, and refuses wrong kinds by name."""

import numpy as np
import pytest
from faces import people

from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation import evaluate, verify
from framl_keras.evaluation.calibration import calibrate
from framl_keras.evaluation.dominant_centers import dominant_centers
from framl_keras.evaluation.folds import consecutive_folds, folds_or_consecutive
from framl_keras.evaluation.identification import identify
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.logistic import cllr, cross_validated_cllr, fit_logistic, min_cllr
from framl_keras.evaluation.roc import d_prime, roc_curve, tar_at_far, val_at_far
from framl_keras.evaluation.significance import mcnemar, paired_test
from framl_keras.similarities import names as similarity_names

VECTORS, WHO = people(12, 4, dim=16, noise=0.8)
PAIRS, SAME = identity_pairs(WHO)
DISTANCE = np.where(SAME, 0.0, 1.0) + np.random.default_rng(0).random(len(SAME))
FOLD = consecutive_folds(len(SAME))
NAMES = [f"person {number}" for number in WHO]
SAME_ROC = roc_curve(DISTANCE, SAME)

VERIFY = {"embeddings": VECTORS, "pairs": PAIRS, "is_same": SAME, "bootstrap": 20}
IDENTIFY = {
    "gallery": VECTORS[::4],
    "gallery_ids": WHO[::4],
    "probes": VECTORS[1::4],
    "probe_ids": WHO[1::4],
}
OF_DISTANCES = {"distance": DISTANCE, "is_same": SAME}
CALIBRATE = {**OF_DISTANCES, "similarity": "cos", "far": 0.05}
CENTERS = {"centers": np.ones((2, 12, 16)), "embeddings": VECTORS, "labels": WHO}


def listed(arguments):
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in arguments.items()
    }


TAKE_LISTS = {
    "verify": (verify, VERIFY),
    "verify, folds": (verify, {**VERIFY, "folds": FOLD}),
    "verify, names": (verify, {**VERIFY, "identities": np.array(NAMES)}),
    "verify, 0 and 1": (verify, {**VERIFY, "is_same": SAME.astype(int)}),
    "verify, integer vectors": (
        verify,
        {**VERIFY, "embeddings": np.rint(99 * VECTORS).astype(int)},
    ),
    "identify": (identify, IDENTIFY),
    "calibrate": (calibrate, CALIBRATE),
    "fit_logistic": (fit_logistic, OF_DISTANCES),
    "min_cllr": (min_cllr, OF_DISTANCES),
    "cross_validated_cllr": (cross_validated_cllr, OF_DISTANCES),
    "cllr": (cllr, {"log_odds": -DISTANCE, "is_same": SAME}),
    "roc_curve": (roc_curve, OF_DISTANCES),
    "d_prime": (d_prime, OF_DISTANCES),
    "val_at_far": (val_at_far, {**OF_DISTANCES, "fold": FOLD, "far": 0.05}),
    "identity_pairs": (identity_pairs, {"identities": WHO}),
    "folds_or_consecutive": (folds_or_consecutive, {"folds": FOLD, "num_pairs": len(FOLD)}),
    "dominant_centers": (dominant_centers, CENTERS),
}


def numbers_in(value):
    """All arrays and numbers of a result, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    elif hasattr(value, "__dataclass_fields__"):
        value = list(vars(value).values())
    if isinstance(value, list | tuple):
        return [number for entry in value for number in numbers_in(entry)]
    return [value]


@pytest.mark.parametrize("name", TAKE_LISTS)
def test_lists_give_what_arrays_give(name):
    function, arguments = TAKE_LISTS[name]
    for one, other in zip(
        numbers_in(function(**arguments)), numbers_in(function(**listed(arguments))), strict=True
    ):
        if isinstance(one, np.ndarray | float):
            np.testing.assert_array_equal(one, other)


WRONG_ANSWERS = {
    "-1 and 1": np.where(SAME, 1, -1),
    "text": np.where(SAME, "1", "0"),
    "words": ["True" if same else "False" for same in SAME],
    "shares": np.where(SAME, 0.9, 0.1),
    "None among them": [None, *SAME[1:].tolist()],
    "two columns": np.stack([SAME, SAME], axis=1),
    "one number": 1,
    "nothing": None,
}


@pytest.mark.parametrize("name", WRONG_ANSWERS)
@pytest.mark.parametrize(
    ("function", "arguments"),
    [(verify, VERIFY), (calibrate, CALIBRATE), (roc_curve, OF_DISTANCES), (min_cllr, OF_DISTANCES),
     (fit_logistic, OF_DISTANCES), (d_prime, OF_DISTANCES)],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_answers_that_are_not_true_or_false_are_refused(function, arguments, name):
    with pytest.raises(UserError, match="is_same"):
        function(**{**arguments, "is_same": WRONG_ANSWERS[name]})


BAD_VECTORS = {
    "flat": VECTORS[0],
    "empty": np.zeros((0, 16)),
    "no columns": np.zeros((48, 0)),
    "text": VECTORS.astype(str),
    "complex": VECTORS + 1j,
    "rows of two lengths": [[1.0, 2.0], [3.0]],
    "None": None,
    "NaN": np.where(np.arange(16) == 3, np.nan, VECTORS),
    "infinite": np.where(np.arange(16) == 3, np.inf, VECTORS),
    "too large to square": 1e200 * VECTORS,
    "too large to square in float32": (1e20 * VECTORS).astype(np.float32),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", BAD_VECTORS)
def test_vectors_that_cannot_be_measured_are_refused(name):
    bad = BAD_VECTORS[name]
    with pytest.raises(UserError):
        verify(**{**VERIFY, "embeddings": bad})
    for which in ("gallery", "probes"):
        with pytest.raises(UserError, match=which):
            identify(**{**IDENTIFY, which: bad})
    with pytest.raises(UserError):
        dominant_centers(**{**CENTERS, "embeddings": bad})


WRONG = {
    "folds as one number of text": (verify, VERIFY, {"folds": "10"}, "folds"),
    "one fold": (verify, VERIFY, {"folds": 1}, "folds"),
    "folds true": (verify, VERIFY, {"folds": True}, "folds"),
    "too few folds": (verify, VERIFY, {"folds": [0, 1, 2]}, "folds"),
    "folds of parts": (verify, VERIFY, {"folds": FOLD + 0.5}, "folds"),
    "a short list of answers": (verify, VERIFY, {"is_same": [True, False]}, "do not fit"),
    "no pairs at all": (verify, VERIFY, {"pairs": np.empty((0, 2), int), "is_same": []}, "0 pairs"),
    "pairs of parts": (verify, VERIFY, {"pairs": PAIRS + 0.5}, "pairs"),
    "pairs as text": (verify, VERIFY, {"pairs": "all"}, "pairs"),
    "pairs of three": (verify, VERIFY, {"pairs": PAIRS[:, [0, 1, 1]]}, "pairs"),
    "pairs beyond the images": (verify, VERIFY, {"pairs": PAIRS + 48}, "48 embeddings"),
    "pairs before the first": (verify, VERIFY, {"pairs": PAIRS - 1}, "row -1"),
    "identities of parts": (verify, VERIFY, {"identities": WHO + 0.5}, "identities"),
    "too few identities": (verify, VERIFY, {"identities": WHO[:5]}, "48 integers"),
    "a bootstrap of parts": (verify, VERIFY, {"bootstrap": 0.5}, "bootstrap"),
    "a negative bootstrap": (verify, VERIFY, {"bootstrap": -1}, "bootstrap"),
    "too few keys": (verify, VERIFY, {"keys": ["a"]}, "1 keys"),
    "a similarity that is no name": (verify, VERIFY, {"similarity": 3}, "similarity"),
    "short gallery identities": (identify, IDENTIFY, {"gallery_ids": WHO[:3]}, "gallery_ids"),
    "text and numbers": (identify, IDENTIFY, {"probe_ids": NAMES[1::4]}, "no two would be equal"),
    "rank 0": (identify, IDENTIFY, {"max_rank": 0}, "max_rank"),
    "a rate of 2": (identify, IDENTIFY, {"fpirs": (2.0,)}, "fpirs"),
    "other lengths": (identify, IDENTIFY, {"probes": VECTORS[1::4, :5]}, "one model"),
    "far of 0": (calibrate, CALIBRATE, {"far": 0}, "far"),
    "far as text": (calibrate, CALIBRATE, {"far": "0.1"}, "far"),
    "distances of NaN": (calibrate, CALIBRATE, {"distance": DISTANCE * np.nan}, "finite"),
    "too few distances": (roc_curve, OF_DISTANCES, {"distance": DISTANCE[:5]}, "distance"),
    "one kind": (min_cllr, OF_DISTANCES, {"is_same": SAME | True}, "no different-pairs"),
    "labels beyond": (dominant_centers, CENTERS, {"labels": WHO + 1}, "labels"),
    "other centers": (dominant_centers, CENTERS, {"centers": np.ones((12, 16))}, "centers"),
    "parts of identities": (identity_pairs, {}, {"identities": WHO + 0.5}, "identities"),
    "one identity": (identity_pairs, {}, {"identities": 5}, "identities"),
    "a limit of none": (identity_pairs, {"identities": WHO}, {"limit": 0}, "limit"),
    "counts of parts": (mcnemar, {"only_first": 1.5}, {"only_second": 2}, "only_first"),
    "no verification": (paired_test, {"first": None}, {"second": None}, "verifications"),
    "rates beyond": (tar_at_far, {"roc": SAME_ROC, "num_different": 9}, {"fars": (1.5,)}, "fars"),
    "a protocol as a number": (verify, VERIFY, {"protocol": 3}, "protocol"),
    "no pair sets": (evaluate, {"model": None, "view": View()}, {"pair_sets": None}, "pair_sets"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_kinds_are_refused_by_name(name):
    function, arguments, change, message = WRONG[name]
    with pytest.raises(UserError, match=message) as error:
        function(**{**arguments, **change})
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("norm", [1e-6, 1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("similarity", similarity_names()[:6])
def test_verification_does_not_lose_pairs_of_any_length_to_rounding(similarity, norm):
    """Against the order of 80-bit distances; all but ssim do not depend on the length at all."""
    found = verify(norm * VECTORS, PAIRS, SAME, similarity, bootstrap=0)
    if similarity != "ssim":
        expected = verify(VECTORS, PAIRS, SAME, similarity, bootstrap=0).auc
    else:
        expected = d_auc(_ssim(norm * VECTORS.astype(np.longdouble)))
    assert found.auc == pytest.approx(expected, abs=2e-3)


def _ssim(vectors):
    left, right = vectors[PAIRS[:, 0]], vectors[PAIRS[:, 1]]
    mean_l, mean_r = left.mean(1), right.mean(1)
    covariance = ((left - mean_l[:, None]) * (right - mean_r[:, None])).mean(1)
    below = (mean_l**2 + mean_r**2 + 1e-4) * (left.var(1) + right.var(1) + 2e-4)
    return 1 - (2 * mean_l * mean_r + 1e-4) * (2 * covariance + 2e-4) / below


def d_auc(distance):
    same, different = distance[SAME], distance[~SAME]
    wins = same[:, None] < different
    return float((wins + 0.5 * (same[:, None] == different)).mean())
