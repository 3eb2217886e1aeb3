"""k-fold verification, written once: a threshold never sees the fold that it judges."""

import difflib
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.operating_point import Confusion, confusion_by_fold

PROTOCOLS = ("exact", "framl")
FRAML_THRESHOLDS = np.arange(0, 4, 0.01)


class FoldResults(NamedTuple):
    """What k-fold verification found; arrays have one entry for each fold.

    Attributes:
        accuracy: part of the fold's pairs judged rightly; of its same-pairs and its
            different-pairs in equal shares where the two kinds are to weigh alike.
        thresholds: each the best on all other folds; a smaller distance means same.
        confusion: counts at these thresholds.
    """

    accuracy: np.ndarray
    thresholds: np.ndarray
    confusion: Confusion


class GridRates(NamedTuple):
    """Rates over a grid of thresholds, averaged over the folds.

    Attributes:
        thresholds: `(num_thresholds,)`.
        tpr: true positive rate at each.
        fpr: false positive rate at each.
    """

    thresholds: np.ndarray
    tpr: np.ndarray
    fpr: np.ndarray


def check_protocol(name: str) -> str:
    """The name itself, if there is such a protocol.

    Raises:
        UserError: if not; it lists them.
    """
    if isinstance(name, str) and name in PROTOCOLS:
        return name
    near = difflib.get_close_matches(str(name), PROTOCOLS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise UserError(f"Unknown protocol {name!r}. Expected one of {', '.join(PROTOCOLS)}.{hint}")


def exact_folds(
    distance: np.ndarray, is_same: np.ndarray, fold: np.ndarray, balanced: bool = False
) -> FoldResults:
    """Every distinct training distance is a candidate; thresholds lie midway between two.

    Of equally good thresholds the smallest is taken. Sorting dominates: O(n log n).

    Args:
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`.
        fold: integers from 0 `(num_pairs,)`.
        balanced: whether same-pairs and different-pairs weigh alike, however many there are.
    """
    order = np.argsort(distance, kind="stable")
    sorted_distance, sorted_same, sorted_fold = distance[order], is_same[order], fold[order]
    thresholds = np.empty(int(fold.max()) + 1)
    for number in range(len(thresholds)):
        train = sorted_fold != number
        thresholds[number] = best_threshold(sorted_distance[train], sorted_same[train], balanced)
    return _judge(distance, is_same, fold, thresholds, balanced)


def best_threshold(distance: np.ndarray, is_same: np.ndarray, balanced: bool = False) -> float:
    """The smallest threshold with the highest accuracy, for distances in ascending order."""
    last = np.flatnonzero(np.append(np.diff(distance) > 0, True))  # of each run of equal ones
    same = int(is_same.sum()) if balanced else 1
    different = len(is_same) - same if balanced else 1
    # right decisions more than accepting none; times both counts where kinds weigh alike
    gain = np.cumsum(np.where(is_same, different, -same))[last]
    best = int(np.argmax(gain))
    if gain[best] <= 0:
        return float(distance[0])
    lower = distance[last[best]]
    if best == len(last) - 1:
        return float(np.nextafter(lower, np.inf))
    upper = distance[last[best] + 1]
    middle = lower + (upper - lower) / 2
    return float(middle if middle > lower else upper)


def framl_folds(
    distance: np.ndarray, is_same: np.ndarray, fold: np.ndarray, balanced: bool = False
) -> tuple[FoldResults, GridRates]:
    """FRAML's protocol: the first best of the thresholds 0, 0.01, … 3.99.

    Args:
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`.
        fold: integers from 0 `(num_pairs,)`.
        balanced: whether both kinds of pairs weigh alike, which FRAML does not know.

    Reference:
    - `modules/evaluations.py` of FRAML, after face.evoLVe and facenet
    """
    counts = grid_counts(distance, is_same, fold, FRAML_THRESHOLDS)
    others = Confusion(*(count.sum(axis=0) - count for count in counts))
    right = others.balanced_accuracy if balanced else others.tp + others.tn
    best = np.argmax(right, axis=1)
    rates = GridRates(
        FRAML_THRESHOLDS,
        np.mean(counts.recall, axis=0),
        np.mean(counts.false_positive_rate, axis=0),
    )
    return _judge(distance, is_same, fold, FRAML_THRESHOLDS[best], balanced), rates


def grid_counts(
    distance: np.ndarray, is_same: np.ndarray, fold: np.ndarray, thresholds: np.ndarray
) -> Confusion:
    """Counts of each fold at each of the ascending thresholds, `(num_folds, num_thresholds)`."""
    folds, grid = int(fold.max()) + 1, len(thresholds)
    first = np.searchsorted(thresholds, distance, side="right")  # the first that accepts the pair
    cell = (is_same * folds + fold) * (grid + 1) + first
    histogram = np.bincount(cell, minlength=2 * folds * (grid + 1)).reshape(2, folds, grid + 1)
    fp, tp = np.cumsum(histogram, axis=2)[:, :, :-1]
    different, same = histogram.sum(axis=2, keepdims=True)
    return Confusion(tp, fp, different - fp, same - tp)


def _judge(
    distance: np.ndarray,
    is_same: np.ndarray,
    fold: np.ndarray,
    thresholds: np.ndarray,
    balanced: bool,
) -> FoldResults:
    confusion = confusion_by_fold(distance, is_same, fold, thresholds)
    accuracy = confusion.balanced_accuracy if balanced else confusion.accuracy
    return FoldResults(accuracy, thresholds, confusion)
