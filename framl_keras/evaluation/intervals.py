"""How far the numbers would move with other identities: 95% intervals.

Pairs that share an identity are not independent. The variance of a mean over pairs is its
square's mean less the square of what it estimates, and that square has an unbiased
estimate: the mean product of two pairs that share no identity. So the products of pairs
that do share one are added up, and divided by the share of couples of pairs that share
none; both kinds of pairs have shares of their own. Degrees of freedom are Satterthwaite's:
how much that sum itself varies, by the fourth powers of each identity's part. The interval
is symmetric in log odds and Student's t. Accuracy has more: its thresholds are chosen from
the same pairs, see `rethreshold`. `benchmarks/coverage.py` shows what all this covers.

References:
- Fafchamps and Gubert, "The formation of risk sharing networks", 2007 (pairs that share)
- Hoeffding, "A class of statistics with asymptotically normal distribution", 1948
- Satterthwaite, "An approximate distribution of estimates of variance components", 1946
"""

from typing import NamedTuple

import numpy as np

from framl_keras.evaluation.links import Units
from framl_keras.evaluation.student_t import two_sided_quantile

LEVEL = 0.95
REPEATS = 200  # draws for the accuracy's thresholds
LEAST_DEGREES = 3  # few errors are few carriers: log odds see to these already
LEAST_PART = 0.25  # of the sum over identities, of which what two share takes half at most
LEAST_APART = 0.1  # of couples of pairs that share no identity
LEAST_UNITS = 6  # of five, even all on one side are no evidence at this level: 2 / 2**5 > 0.05
DENSE = 4  # cells for each pair up to which all are counted, used or not

Interval = tuple[float, float]


class Variance(NamedTuple):
    """The variance of a rate and what it rests on.

    Attributes:
        value: the variance.
        degrees: of freedom.
        units: identities with pairs of the kind that has fewer of them.
    """

    value: float
    degrees: float
    units: int

    @property
    def is_supported(self) -> bool:
        """Whether there are identities enough to say anything."""
        return self.units >= LEAST_UNITS

    def scaled(self, factor: float) -> "Variance":
        """The same with its value times `factor`."""
        return self._replace(value=self.value * factor)


class PairVariance:
    """Adds influences up over the units that pairs share.

    Args:
        units: see `units_of`.
        is_same: bool `(num_pairs,)`.
    """

    def __init__(self, units: Units, is_same: np.ndarray):
        self.count, self.kinds = units.count, (is_same, ~is_same)
        self.left, self.right = np.ascontiguousarray(units.of_pairs.T)
        self.is_alone = self.left == self.right  # one unit: a same-pair, mostly
        cell = np.minimum(self.left, self.right) * self.count + np.maximum(self.left, self.right)
        if self.count**2 > DENSE * len(cell):
            cell = np.unique(cell, return_inverse=True)[1]
        self._cell = cell
        shares = sum(kind / max(1, kind.sum()) for kind in self.kinds)
        by_unit, by_cell = self._sums(np.asarray(shares))
        sharing = by_unit @ by_unit.T - by_cell @ by_cell.T
        self._factors = 1 / np.maximum(1 - sharing, LEAST_APART)
        self.units = int(np.count_nonzero(by_unit, axis=1).min())

    def __call__(self, influence: np.ndarray) -> Variance:
        """The variance of the sum of influences `(num_pairs,)`, see `influence`."""
        by_unit, by_cell = self._sums(influence)
        products = by_unit @ by_unit.T
        total = float(products.sum())
        if total <= 0:
            return Variance(0.0, 1.0, self.units)
        once = products - by_cell @ by_cell.T  # a pair of pairs that share both counts once
        value = max(float((self._factors * once).sum()), LEAST_PART * total)
        squares = np.square(by_unit.sum(axis=0))
        spread = float(squares @ squares) - total**2 / self.count
        part = max(float(once.sum()) / total, LEAST_PART)
        most = max(1, self.count - 1)
        degrees = 2 * (part * total) ** 2 / spread if spread > 0 else most
        return Variance(value, float(np.clip(degrees, LEAST_DEGREES, most)), self.units)

    def error(self, influence: np.ndarray) -> float:
        """The standard error."""
        return float(np.sqrt(self(influence).value))

    def _sums(self, influence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums of each kind over each unit and over each two units that meet, `(2, ...)`."""
        by_unit, by_cell = [], []
        for kind in self.kinds:
            part = np.where(kind, influence, 0.0)
            of_two = np.where(self.is_alone, 0.0, part)
            sums = np.bincount(self.left, part, self.count)
            by_unit.append(sums + np.bincount(self.right, of_two, self.count))
            by_cell.append(np.bincount(self._cell, of_two))
        return np.array(by_unit), np.array(by_cell)


def rate_interval(rate: float, variance: Variance) -> Interval | None:
    """The 95% interval of a rate, or None where the pairs support none.

    A rate of 0 or 1 has the exact binomial one of as many trials as there are units.
    """
    if not variance.is_supported or not np.isfinite(rate):
        return None
    if not 0 < rate < 1:
        reach = 1 - ((1 - LEVEL) / 2) ** (1 / variance.units)
        return (1 - reach, 1.0) if rate >= 1 else (0.0, reach)
    if not variance.value > 0:
        return None
    reach = two_sided_quantile(LEVEL, variance.degrees) * np.sqrt(variance.value)
    reach /= rate * (1 - rate)
    log_odds = np.log(rate / (1 - rate))
    low, high = (1 / (1 + np.exp(-(log_odds + end))) for end in (-reach, reach))
    return float(low), float(high)
