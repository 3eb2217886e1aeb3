"""How much of an accuracy's variance comes from choosing its thresholds.

Units are drawn anew, and each draw is judged twice: at the thresholds of the data,
and at thresholds chosen anew from what was drawn. Distances are put into bins first,
so that a draw costs the same for a thousand pairs and for millions.

A draw's own thresholds move more than those of fresh data would, since the data's
accidents are drawn again. The ratio of the two variances overstates the matter, about
as its square root says: so `benchmarks/coverage.py` measures it.
"""

from typing import NamedTuple

import numpy as np

from framl_keras.evaluation.links import Units

MOST_UNITS = 500  # beyond, units are drawn in random groups
CELLS = 2000  # of folds and bins
FEWEST_BINS, MOST_BINS = 20, 200


class Draws(NamedTuple):
    """Accuracies of what was drawn, `(repeats,)` each.

    Attributes:
        fixed: at the thresholds of the data.
        anew: at thresholds chosen from the same draw.
    """

    fixed: np.ndarray
    anew: np.ndarray

    def __sub__(self, other: "Draws") -> "Draws":
        return Draws(self.fixed - other.fixed, self.anew - other.anew)

    def inflation(self, power: float = 0.5) -> float:
        """By what to multiply a variance that takes thresholds as fixed.

        Args:
            power: of the ratio of the two variances.
        """
        fixed = float(self.fixed.var())
        ratio = float(self.anew.var()) / fixed if fixed > 0 else 1.0
        return max(1.0, ratio**power)


class Redrawing:
    """The same draws of units for any distances of one set of pairs.

    Args:
        units: see `units_of`.
        is_same: bool `(num_pairs,)`.
        fold: integers from 0 `(num_pairs,)`.
        balanced: whether both kinds of pairs weigh alike.
        repeats: how many draws.
        seed: of the draws.
    """

    def __init__(
        self,
        units: Units,
        is_same: np.ndarray,
        fold: np.ndarray,
        balanced: bool,
        repeats: int,
        seed: int,
    ):
        rng = np.random.default_rng(seed)
        self.groups = min(units.count, MOST_UNITS)
        group = rng.permutation(units.count) % self.groups
        self.ends = group[units.of_pairs].T
        self.is_alone = units.of_pairs[:, 0] == units.of_pairs[:, 1]
        self.is_same, self.fold, self.balanced = is_same, fold, balanced
        self.folds = int(fold.max()) + 1
        code = is_same * self.folds + fold
        self._is_there = np.bincount(code, minlength=2 * self.folds).reshape(2, self.folds) > 0
        drawn = rng.exponential(size=(repeats, self.groups))
        # of mean one in each draw: a pair of two units weighs their sum less one, which
        # would else come near zero for all of a fold's different-pairs
        self.weights = drawn / drawn.mean(axis=1, keepdims=True) - 1

    def __call__(self, distance: np.ndarray) -> Draws:
        """Accuracies under the distances `(num_pairs,)`."""
        bins = int(np.clip(CELLS // (2 * self.folds), FEWEST_BINS, MOST_BINS))
        cell = (self.is_same * self.folds + self.fold) * bins + self._binned(distance, bins)
        shape = (-1, 2, self.folds, bins)
        total = np.bincount(cell, minlength=2 * self.folds * bins)
        drawn = total + self.weights @ self._by_group(cell, total.size)
        totals = np.cumsum(total.reshape(shape), axis=-1, dtype=np.float64)
        accepted = np.cumsum(drawn.reshape(shape), axis=-1)
        fixed = self._judged(accepted, self._best(totals))
        return Draws(fixed, self._judged(accepted, self._best(accepted)))

    def _binned(self, distance: np.ndarray, bins: int) -> np.ndarray:
        """Each pair's bin; bins hold as much weight each, both kinds weighing alike."""
        weight = np.where(self.is_same, 0.5 / self.is_same.sum(), 0.5 / (~self.is_same).sum())
        order = np.argsort(distance, kind="stable")
        ascending, reached = distance[order], np.cumsum(weight[order])
        places = np.searchsorted(reached, np.arange(1, bins) / bins)
        edges = ascending[np.minimum(places, len(ascending) - 1)]
        return np.searchsorted(edges, distance, side="left")

    def _by_group(self, cell: np.ndarray, size: int) -> np.ndarray:
        """Pairs of each group in each cell, `(groups, size)`; a pair of two units counts twice."""
        first = np.bincount(self.ends[0] * size + cell, minlength=self.groups * size)
        two = ~self.is_alone
        second = np.bincount((self.ends[1] * size + cell)[two], minlength=self.groups * size)
        return (first + second).reshape(self.groups, size)

    def _best(self, accepted: np.ndarray) -> np.ndarray:
        """The bin up to which each fold accepts, by all other folds, `(draws, folds)`."""
        gain: np.ndarray | int = 0
        for kind, sign in ((1, 1), (0, -1)):
            others = accepted[:, kind].sum(axis=1, keepdims=True) - accepted[:, kind]
            total = others[..., -1:]
            weight = np.divide(sign, total, where=total > 0, out=np.zeros_like(total))
            gain = gain + others * (weight if self.balanced else sign)
        return np.argmax(gain, axis=-1)

    def _judged(self, accepted: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Mean accuracy over folds, `(draws,)`."""
        total = accepted[..., -1]
        place = np.broadcast_to(position[:, None, :, None], (*accepted.shape[:3], 1))
        inside = np.take_along_axis(accepted, place, axis=-1)[..., 0]
        right = np.stack([total[:, 0] - inside[:, 0], inside[:, 1]], axis=1)
        if not self.balanced:
            return (right.sum(axis=1) / total.sum(axis=1)).mean(axis=1)
        is_there = self._is_there[None]
        rates = np.divide(right, total, out=np.zeros_like(right, dtype=float), where=is_there)
        return (rates.sum(axis=1) / is_there.sum(axis=1)).mean(axis=1)
