"""How far the numbers would move with other identities: 95% intervals.

Pairs that share an identity are not independent. A rate's variance is that of the
pairs' influences added up over each identity; what two identities share is in both
sums, and is taken off once. The interval is symmetric in log odds and Student's t, its
degrees of freedom those of as many identities as carry the variance. Accuracy has more:
its thresholds are chosen from the same pairs, see `rethreshold`. `benchmarks/coverage.py`
shows what all this covers.

References:
- Fafchamps and Gubert, "The formation of risk sharing networks", 2007 (pairs that share)
- Bell and McCaffrey, "Bias reduction in standard errors for linear regression with
  multi-stage samples", 2002 (few clusters)
"""

from typing import NamedTuple

import numpy as np

from framl_keras.evaluation.links import Units
from framl_keras.evaluation.student_t import two_sided_quantile

LEVEL = 0.95
REPEATS = 200  # draws for the accuracy's thresholds
LEAST_DEGREES = 5  # few errors are few carriers: log odds see to these already
LEAST_UNITS = 6  # of five, even all on one side are no evidence at this level: 2 / 2**5 > 0.05
MOST_CELLS = 16_000_000  # for the sums of two identities; beyond, pairs take their place

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
        self.count, self.is_same = units.count, is_same
        self.left, self.right = np.ascontiguousarray(units.of_pairs.T)
        self.is_alone = self.left == self.right  # one unit: a same-pair, mostly
        low, high = np.minimum(self.left, self.right), np.maximum(self.left, self.right)
        self._meeting = None if self.count**2 > MOST_CELLS else low * self.count + high
        self._shares = [self._by_unit(kind / max(1, kind.sum())) for kind in (is_same, ~is_same)]
        self.units = int(min(np.count_nonzero(share) for share in self._shares))

    def __call__(self, influence: np.ndarray, is_skewed: bool = True) -> Variance:
        """The variance of the sum of influences `(num_pairs,)`.

        Args:
            influence: see `influence`.
            is_skewed: whether to take half the degrees of freedom, as rates near their end
                need it: where such a rate is too good by chance, so is its variance. The
                difference of two models lies evenly about its mean.
        """
        parts = [np.where(kind, influence, 0.0) for kind in (self.is_same, ~self.is_same)]
        sums = np.zeros(self.count)
        for part, share, ends in zip(parts, self._shares, (1, 2), strict=True):
            weight = np.minimum(share / ends, 0.5)  # what leaving the unit out takes away
            sums += self._by_unit(part) / (1 - weight)
        total = float(sums @ sums)
        if total <= 0:
            return Variance(0.0, 1.0, self.units)
        value = max(total - self._shared(influence), total / 2)
        carriers = total**2 / float(np.square(sums) @ np.square(sums))
        degrees = 1 / max(1 / carriers - 1 / self.count, 1 / self.count)
        degrees = degrees if is_skewed else 2 * degrees
        return Variance(value, float(max(degrees, LEAST_DEGREES)), self.units)

    def error(self, influence: np.ndarray) -> float:
        """The standard error."""
        return float(np.sqrt(self(influence).value))

    def _by_unit(self, influence: np.ndarray) -> np.ndarray:
        """Each unit's sum, `(num_units,)`; a pair of two units counts for both."""
        sums = np.bincount(self.left, influence, self.count)
        return sums + np.bincount(self.right, np.where(self.is_alone, 0.0, influence), self.count)

    def _shared(self, influence: np.ndarray) -> float:
        """The squares of what each two units share."""
        values = np.where(self.is_alone, 0.0, influence)
        if self._meeting is not None:
            values = np.bincount(self._meeting, values)
        return float(values @ values)


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
