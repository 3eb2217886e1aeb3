"""Whether two similarities, or two models, differ on the same pairs."""

import math
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.intervals import (
    REPEATS,
    Interval,
    drawer,
    percentile_interval,
    repeats_for,
    sorted_once,
    weighted_accuracy,
)
from framl_keras.evaluation.roc import area_under, equal_error_rate
from framl_keras.evaluation.verification import Verification


class Difference(NamedTuple):
    """A number of the second minus the same of the first.

    Attributes:
        value: the difference.
        interval: 95% bootstrap interval of it.
        p: two-sided bootstrap p-value: how easily resampling turns its sign.
    """

    value: float
    interval: Interval
    p: float


class PairedTest(NamedTuple):
    """What tells the second verification from the first, on the same pairs.

    Attributes:
        only_first: pairs that only the first judges rightly.
        only_second: pairs that only the second judges rightly.
        mcnemar_p: exact two-sided McNemar test of these two counts; it takes the
            pairs to be independent, which pairs that share people are not.
        differences: of `accuracy`, `auc` and `eer`; these respect shared people
            where they are known.
        resampled: `identities` or `pairs`.
    """

    only_first: int
    only_second: int
    mcnemar_p: float
    differences: dict[str, Difference]
    resampled: str


def paired_test(
    first: Verification,
    second: Verification,
    people: np.ndarray | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> PairedTest:
    """Compares two verifications of the same pairs, each draw used for both.

    Args:
        first: what is compared with.
        second: what is compared.
        people: identities of the pairs `(num_pairs, 2)`, or None to draw pairs.
        repeats: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UserError: if the pairs are not the same.
    """
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
        _differences(first, second, people, repeats, seed),
        "pairs" if people is None else "identities",
    )


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of two counts that chance would make equal."""
    total, fewer = only_first + only_second, min(only_first, only_second)
    terms = np.arange(1, fewer + 1)
    log_choose = np.append(0.0, np.cumsum(np.log((total - terms + 1) / terms)))
    one_sided = float(np.exp(log_choose - total * math.log(2)).sum())
    return min(1.0, 2 * one_sided)


def _differences(
    first: Verification,
    second: Verification,
    people: np.ndarray | None,
    repeats: int,
    seed: int,
) -> dict[str, Difference]:
    is_same = first.is_same
    draw = drawer(is_same, people, np.random.default_rng(seed))
    sides = [(v.is_right, sorted_once(v.distance, is_same)) for v in (first, second)]
    rows = []
    for _ in range(repeats_for(len(is_same), repeats)):
        weights = draw()
        numbers = []
        for is_right, weighted_roc in sides:
            roc = weighted_roc(weights)
            accuracy = weighted_accuracy(is_right, is_same, weights)
            numbers.append([accuracy, area_under(roc), equal_error_rate(roc)])
        rows.append(np.subtract(numbers[1], numbers[0]))
    draws = np.array(rows)
    values = [
        float(np.mean(second.is_right)) - float(np.mean(first.is_right)),
        second.auc - first.auc,
        second.eer - first.eer,
    ]
    return {
        name: Difference(value, interval, _sign_p(column))
        for name, value, interval, column in zip(
            ("accuracy", "auc", "eer"), values, percentile_interval(draws), draws.T, strict=True
        )
    }


def _sign_p(draws: np.ndarray) -> float:
    """Twice the smaller share of draws on either side of zero; never 0 from finitely many."""
    count = min(np.sum(draws <= 0), np.sum(draws >= 0))
    return float(min(1.0, 2 * (count + 1) / (len(draws) + 1)))
