"""Whether two similarities, or two models, differ on the same pairs."""

import math
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_count, check_both_kinds
from framl_keras.evaluation.intervals import LEVEL, REPEATS, Interval, PairVariance, Variance
from framl_keras.evaluation.rate_intervals import influences_of, redrawing_of
from framl_keras.evaluation.student_t import two_sided_p, two_sided_quantile
from framl_keras.evaluation.verification import Verification


class Difference(NamedTuple):
    """A number of the second minus the same of the first.

    Attributes:
        value: the difference.
        interval: its 95% interval, or None where the pairs support none.
        p: two-sided p-value of no difference, NaN where the pairs support none.
    """

    value: float
    interval: Interval | None
    p: float


class PairedTest(NamedTuple):
    """What tells the second verification from the first, on the same pairs.

    Attributes:
        only_first: pairs that only the first judges rightly.
        only_second: pairs that only the second judges rightly.
        mcnemar_p: exact two-sided McNemar test of these two counts; it takes the
            pairs to be independent, which pairs that share identities are not.
        differences: of `accuracy`, `auc` and `eer`; these respect shared identities,
            as far as they are known or follow from the pairs.
        resampled: what is taken to be drawn, see `Verification`.
        repeats: how often thresholds were chosen anew.
    """

    only_first: int
    only_second: int
    mcnemar_p: float
    differences: dict[str, Difference]
    resampled: str
    repeats: int


def paired_test(
    first: Verification,
    second: Verification,
    repeats: int = REPEATS,
    seed: int = 0,
) -> PairedTest:
    """Compares two verifications of the same pairs.

    Args:
        first: what is compared with.
        second: what is compared.
        repeats: how often to choose the accuracies' thresholds anew, on the same draws.
        seed: of these draws.

    Raises:
        UserError: if the pairs are not the same.
    """
    for given in (first, second):
        if not isinstance(given, Verification):
            raise UserError(f"Expected two verifications. Received: {type(given).__name__}")
    check_both_kinds(first.is_same)
    if not np.array_equal(first.is_same, second.is_same):
        raise UserError(
            f"Not the same pairs: {len(first.is_same)} and {len(second.is_same)} answers differ. "
            "Expected two verifications of one set."
        )
    only_first = int(np.sum(first.is_right & ~second.is_right))
    only_second = int(np.sum(second.is_right & ~first.is_right))
    return PairedTest(
        only_first,
        only_second,
        mcnemar(only_first, only_second),
        _differences(first, second, as_count(repeats, "repeats", 1), seed),
        first.units.source,
        repeats,
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of two counts that chance would make equal."""
    only_first, only_second = (
        as_count(only_first, "only_first", 0),
        as_count(only_second, "only_second", 0),
    )
    total, fewer = only_first + only_second, min(only_first, only_second)
    terms = np.arange(1, fewer + 1)
    log_choose = np.append(0.0, np.cumsum(np.log((total - terms + 1) / terms)))
    one_sided = float(np.exp(log_choose - total * math.log(2)).sum())
    return min(1.0, 2 * one_sided)


def _differences(
    first: Verification, second: Verification, repeats: int, seed: int
) -> dict[str, Difference]:
    variance = PairVariance(first.units, first.is_same)
    before, after = influences_of(first, variance), influences_of(second, variance)
    draws = [redrawing_of(v, repeats, seed)(v.distance) for v in (first, second)]
    # independent pairs are few where two thresholds differ: they need all of it
    power = 1.0 if first.units.source == "pairs" else 0.5
    inflation = (draws[1] - draws[0]).inflation(power)
    differences = {}
    for name in ("accuracy", "auc", "eer"):
        spread = variance(after[name] - before[name])
        spread = spread.scaled(inflation) if name == "accuracy" else spread
        differences[name] = _difference(getattr(second, name) - getattr(first, name), spread)
    return differences


def _difference(value: float, variance: Variance) -> Difference:
    """A difference with its interval and p-value, by Student's t."""
    if not variance.is_supported:
        return Difference(value, None, math.nan)
    error = math.sqrt(variance.value)
    if error == 0:  # the same decisions throughout
        return Difference(value, (value, value), 1.0 if value == 0 else 0.0)
    reach = error * two_sided_quantile(LEVEL, variance.degrees)
    p = two_sided_p(value / error, variance.degrees)
    return Difference(value, (value - reach, value + reach), p)
