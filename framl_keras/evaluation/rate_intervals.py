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
    verification: Verification, repeats: int = REPEATS, seed: int = 0
) -> dict[str, Interval]:
    """95% intervals of `accuracy`, `auc`, `eer` and each resolved `tar@<far>`.

    Those that the pairs can't support are left out.

    Args:
        verification: a verification with both kinds of pairs.
        repeats: how often to choose the accuracy's thresholds anew.
        seed: of these draws.
    """
    variance = PairVariance(verification.units, verification.is_same)
    redrawing = redrawing_of(verification, repeats, seed)
    rates = {"accuracy": verification.accuracy, "auc": verification.auc, "eer": verification.eer}
    rates |= {f"tar@{point.far:g}": point.tar for point in verification.tar if point.is_resolved}
    inflation = redrawing(verification.distance).inflation()
    intervals = {}
    for name, influences in influences_of(verification, variance).items():
        spread: Variance = variance(influences)
        spread = spread.scaled(inflation) if name == "accuracy" else spread
        if (interval := rate_interval(rates[name], spread)) is not None:
            intervals[name] = interval
    return intervals


def influences_of(verification: Verification, variance: PairVariance) -> dict[str, np.ndarray]:
    """How much each pair moves each rate, see `influence`."""
    both = influence.Sorted(verification.distance, verification.is_same)
    influences = {
        "accuracy": influence.of_accuracy(
            verification.is_right, verification.is_same, verification.balanced
        ),
        "auc": influence.of_auc(both),
        "eer": influence.of_eer(both, verification.eer, variance.error),
    }
    for point in verification.tar:
        if point.is_resolved:
            name = f"tar@{point.far:g}"
            influences[name] = influence.of_tar(both, point.far, point.threshold, variance.error)
    return influences


def redrawing_of(verification: Verification, repeats: int, seed: int) -> Redrawing:
    """The draws of a verification's pairs."""
    return Redrawing(
        verification.units,
        verification.is_same,
        verification.fold,
        verification.balanced,
        repeats,
        seed,
    )
