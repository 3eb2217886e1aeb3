"""The 95% intervals of a verification, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from framl_keras.evaluation import influence
from framl_keras.evaluation.intervals import (
    REPEATS,
    Interval,
    PairVariance,
    Variance,
    rate_interval,
)
from framl_keras.evaluation.rethreshold import Redrawing

if TYPE_CHECKING:
    from framl_keras.evaluation.verification import Verification


def rate_intervals(
    found: Verification, repeats: int = REPEATS, seed: int = 0
) -> dict[str, Interval]:
    """95% intervals of `accuracy`, `auc`, `eer` and each resolved `tar@<far>`.

    Those that the pairs can't support are left out.

    Args:
        found: a verification with both kinds of pairs.
        repeats: how often to choose the accuracy's thresholds anew.
        seed: of these draws.
    """
    variance = PairVariance(found.units, found.is_same)
    redrawing = redrawing_of(found, repeats, seed)
    rates = {"accuracy": found.accuracy, "auc": found.auc, "eer": found.eer}
    rates |= {f"tar@{point.far:g}": point.tar for point in found.tar if point.is_resolved}
    inflation = redrawing(found.distance).inflation()
    intervals = {}
    for name, influences in influences_of(found, variance).items():
        spread: Variance = variance(influences)
        spread = spread.scaled(inflation) if name == "accuracy" else spread
        if (interval := rate_interval(rates[name], spread)) is not None:
            intervals[name] = interval
    return intervals


def influences_of(found: Verification, variance: PairVariance) -> dict[str, np.ndarray]:
    """How much each pair moves each rate, see `influence`."""
    both = influence.Sorted(found.distance, found.is_same)
    influences = {
        "accuracy": influence.of_accuracy(found.is_right, found.is_same, found.balanced),
        "auc": influence.of_auc(both),
        "eer": influence.of_eer(both, found.eer, variance.error),
    }
    for point in found.tar:
        if point.is_resolved:
            name = f"tar@{point.far:g}"
            influences[name] = influence.of_tar(both, point.far, point.threshold, variance.error)
    return influences


def redrawing_of(found: Verification, repeats: int, seed: int) -> Redrawing:
    """The draws of a verification's pairs."""
    return Redrawing(found.units, found.is_same, found.fold, found.balanced, repeats, seed)
