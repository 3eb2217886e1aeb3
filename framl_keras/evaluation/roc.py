"""The whole range of thresholds: ROC and what is read off it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from framl_keras.evaluation.arrays import as_distances, as_rate
from framl_keras.evaluation.folds import folds_or_consecutive
from framl_keras.evaluation.operating_point import rate
from framl_keras.evaluation.protocol import grid_counts

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
VAL_THRESHOLDS = np.arange(0, 4, 0.001)


class Roc(NamedTuple):
    """One point for each distinct distance, from accepting nothing to accepting all.

    Attributes:
        fpr: different-pairs taken for same, ascending; NaN if there is none.
        tpr: same-pairs taken for same; NaN if there is none.
        distance: the largest distance accepted at each point; `-inf` at the first.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    distance: np.ndarray


class TarAtFar(NamedTuple):
    """The largest true accept rate whose false accept rate is not above `far`.

    Attributes:
        far: the false accept rate asked for.
        tar: the true accept rate.
        threshold: pairs below this distance are accepted.
        false_accepts: how many different-pairs that is.
        is_resolved: whether the different-pairs can tell such a rate: at least one
            of them may be accepted. If not, `tar` is that at no false accept.
    """

    far: float
    tar: float
    threshold: float
    false_accepts: int
    is_resolved: bool


class ValAtFar(NamedTuple):
    """Validation rate at a false accept rate, over folds, as insightface reports it.

    Attributes:
        far: the false accept rate asked for, of the training folds.
        val: mean true accept rate of the test folds.
        val_sd: its standard deviation.
        measured_far: mean false accept rate of the test folds.
        is_resolved: whether the different-pairs of the training folds can tell such a rate.
    """

    far: float
    val: float
    val_sd: float
    measured_far: float
    is_resolved: bool


def roc_curve(distance: npt.ArrayLike, is_same: npt.ArrayLike) -> Roc:
    """The ROC of distances, `(num_pairs,)`, lower being more alike; equal ones are one point.

    Raises:
        UserError: if there is not one finite distance for each answer.
    """
    distance, is_same = as_distances(distance, is_same, both_kinds=False)
    order = np.argsort(distance, kind="stable")
    distance, is_same = distance[order], is_same[order]
    last = np.flatnonzero(np.append(np.diff(distance) > 0, True))
    tp = np.append(0, np.cumsum(is_same)[last])
    fp = np.append(0, last + 1) - tp
    with np.errstate(invalid="ignore"):
        return Roc(fp / fp[-1], tp / tp[-1], np.append(-np.inf, distance[last]))


def area_under(roc: Roc) -> float:
    """The probability that a same-pair is nearer than a different-pair, ties counted half."""
    return float(np.trapezoid(roc.tpr, roc.fpr))


def equal_error_rate(roc: Roc) -> float:
    """Where false accept and false reject rates meet, on the line between two points."""
    gap = roc.fpr - (1 - roc.tpr)  # ascending from -1 to 1
    if not np.isfinite(gap).all():
        return float("nan")
    after = int(np.argmax(gap >= 0))
    part = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(roc.fpr[after - 1] + part * (roc.fpr[after] - roc.fpr[after - 1]))


def tar_at_far(roc: Roc, num_different: int, fars: Sequence[float] = FARS) -> list[TarAtFar]:
    """True accept rates down to the first false accept rate that the pairs cannot tell.

    Raises:
        UserError: if a rate is not between 0 and 1.
    """
    points: list[TarAtFar] = []
    for far in sorted((as_rate(far, "fars") for far in fars), reverse=True):
        points.append(_tar_at(roc, num_different, far))
        if not points[-1].is_resolved:
            break
    return points


def _tar_at(roc: Roc, num_different: int, far: float) -> TarAtFar:
    allowed = int(np.floor(far * num_different * (1 + 1e-12)))  # 0.01 * 300 is a little below 3
    false_accepts = np.rint(roc.fpr * num_different)
    point = int(np.searchsorted(false_accepts, allowed, side="right")) - 1
    threshold = _threshold_above(roc.distance, point)
    return TarAtFar(far, float(roc.tpr[point]), threshold, int(false_accepts[point]), allowed >= 1)


def _threshold_above(distance: np.ndarray, point: int) -> float:
    """Midway to the next distance, so that `distance < threshold` accepts up to `point`."""
    if point == 0:
        return float(distance[1])
    if point == len(distance) - 1:
        return float(np.nextafter(distance[point], np.inf))
    lower, upper = distance[point], distance[point + 1]
    middle = lower + (upper - lower) / 2
    return float(middle if middle > lower else upper)


def val_at_far(
    distance: npt.ArrayLike, is_same: npt.ArrayLike, fold: npt.ArrayLike, far: float
) -> ValAtFar:
    """Finds a threshold for `far` on the training folds and applies it to the test fold.

    Reference:
    - insightface, `recognition/arcface_torch/eval/verification.py`, thresholds 0, 0.001, … 3.999
    """
    distance, is_same = as_distances(distance, is_same, both_kinds=False)
    fold, far = folds_or_consecutive(fold, len(distance)), as_rate(far, "far")
    counts = grid_counts(distance, is_same, fold, VAL_THRESHOLDS)
    different = counts.fp + counts.tn
    fars = rate(counts.fp.sum(axis=0) - counts.fp, different.sum(axis=0) - different)
    thresholds = np.array(
        [np.interp(far, row, VAL_THRESHOLDS) if row.max() >= far else 0.0 for row in fars]
    )
    accepted = distance < thresholds[fold]
    folds = len(thresholds)
    same = np.bincount(fold[is_same], minlength=folds)
    val = rate(np.bincount(fold[accepted & is_same], minlength=folds), same)
    measured = rate(np.bincount(fold[accepted & ~is_same], minlength=folds), different[:, 0])
    fewest = int((different.sum(axis=0) - different).min())
    is_resolved = far * fewest * (1 + 1e-12) >= 1
    return ValAtFar(far, float(val.mean()), float(val.std()), float(measured.mean()), is_resolved)


def d_prime(distance: npt.ArrayLike, is_same: npt.ArrayLike) -> float:
    """How many common standard deviations apart the two kinds of pairs lie."""
    distance, is_same = as_distances(distance, is_same, both_kinds=False)
    if is_same.all() or not is_same.any():
        return float("nan")
    same, different = distance[is_same], distance[~is_same]
    spread = np.sqrt((same.var() + different.var()) / 2)
    return float((different.mean() - same.mean()) / spread) if spread else float("nan")
