"""How much each pair moves a rate: the first-order term of what leaving it out would change.

The sum of a pair's influences over all pairs is zero; their spread, once those of one
identity are added up, is the rate's variance (see `intervals`). A threshold that moves
with the pairs is part of it: where a rate is read off at a threshold that the
different-pairs set, the slope of the ROC there turns their shift into the rate's.
"""

from collections.abc import Callable

import numpy as np

Spread = Callable[[np.ndarray], float]  # influences (num_pairs,) -> standard error of their sum
LEAST = 3  # pairs of a kind in a window over which a slope is taken


class Sorted:
    """Distances of both kinds of pairs in ascending order.

    Args:
        distance: `(num_pairs,)`.
        is_same: bool `(num_pairs,)`.
    """

    def __init__(self, distance: np.ndarray, is_same: np.ndarray):
        self.distance, self.is_same = distance, is_same
        self.same, self.different = np.sort(distance[is_same]), np.sort(distance[~is_same])

    def of_kinds(self, same: np.ndarray, different: np.ndarray) -> np.ndarray:
        """Influences of the two kinds put together, each about its mean and over its count."""
        influence = np.empty(len(self.distance))
        influence[self.is_same] = (same - same.mean()) / len(same)
        influence[~self.is_same] = (different - different.mean()) / len(different)
        return influence

    def share_accepted(self, kind: np.ndarray, distance: float) -> float:
        """The share of a kind's sorted distances up to one."""
        return float(np.searchsorted(kind, distance, side="right")) / len(kind)


def quantile(ascending: np.ndarray, share: float) -> float:
    """The distance up to which a share of sorted distances lies."""
    return float(ascending[int(np.clip(share * len(ascending), 0, len(ascending) - 1))])


def of_auc(both: Sorted) -> np.ndarray:
    """Each pair's share of pairs of the other kind that it is in the right order with.

    Reference:
    - DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated
      receiver operating characteristic curves", Biometrics 1988
    """
    return both.of_kinds(
        -_mean_rank(both.different, both.distance[both.is_same]),
        _mean_rank(both.same, both.distance[~both.is_same]),
    )


def of_tar(both: Sorted, far: float, threshold: float, spread: Spread) -> np.ndarray:
    """Influences on the true accept rate at a false accept rate."""
    accepted = (both.distance < threshold).astype(np.float64)
    same, different = accepted[both.is_same], accepted[~both.is_same]
    width = spread(both.of_kinds(np.zeros_like(same), different))
    width = min(max(width, LEAST / len(different)), far)
    low, high = (quantile(both.different, far + shift) for shift in (-width, width))
    return both.of_kinds(same, -_slope(both, low, high) * different)


def of_eer(both: Sorted, rate: float, spread: Spread) -> np.ndarray:
    """Influences on the equal error rate."""
    threshold = quantile(both.different, rate)
    accepted = (both.distance <= threshold).astype(np.float64)
    same, different = accepted[both.is_same], accepted[~both.is_same]
    slope = _slope(both, *_eer_window(both, rate, same, different, spread))
    return both.of_kinds(-same / (1 + slope), slope * different / (1 + slope))


def of_accuracy(is_right: np.ndarray, is_same: np.ndarray, balanced: bool) -> np.ndarray:
    """Influences on accuracy at thresholds as they are; both kinds weigh alike if `balanced`."""
    share = 0.5 if balanced else float(is_same.mean())
    influence = np.empty(len(is_same))
    for kind, weight in ((is_same, share), (~is_same, 1 - share)):
        right = is_right[kind].astype(np.float64)
        influence[kind] = weight * (right - right.mean()) / len(right)
    return influence


def _mean_rank(ascending: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """The share of sorted distances that are smaller, ties counted half."""
    below = np.searchsorted(ascending, distance, side="left")
    return (below + np.searchsorted(ascending, distance, side="right")) / (2 * len(ascending))


def _slope(both: Sorted, low: float, high: float) -> float:
    """The slope of the ROC between two distances: same-pairs there over different-pairs there."""
    same, different = (
        max(both.share_accepted(kind, high) - both.share_accepted(kind, low), 0.0)
        for kind in (both.same, both.different)
    )
    return same / max(different, 1 / len(both.different))


def _eer_window(
    both: Sorted, rate: float, same: np.ndarray, different: np.ndarray, spread: Spread
) -> tuple[float, float]:
    """Distances within one standard error of the threshold, by both kinds of pairs."""
    of_same = spread(both.of_kinds(same, np.zeros_like(different)))
    of_different = spread(both.of_kinds(np.zeros_like(same), different))
    bounds = []
    for sign, outer, inner in ((-1, min, max), (1, max, min)):
        near = inner(
            quantile(both.different, rate + sign * of_different),
            quantile(both.same, 1 - rate + sign * of_same),
        )
        least = (
            quantile(both.different, rate + sign * LEAST / len(different)),
            quantile(both.same, 1 - rate + sign * LEAST / len(same)),
        )
        bounds.append(outer(near, *least))
    return bounds[0], bounds[1]
