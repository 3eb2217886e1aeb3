"""How far the numbers would move with other people: bootstrap intervals.

Pairs that share a person are not independent. Where identities are known, whole
identities are drawn with replacement, and a pair counts as often as its people
were drawn: once for each draw of the person of a same-pair, and for each
combination of draws of the two people of a different-pair.
"""

from collections.abc import Callable

import numpy as np

from framl_keras.evaluation.roc import Roc, area_under, equal_error_rate

REPEATS = 1000
MAX_WORK = 200_000_000  # pairs x repeats; beyond, fewer repeats
LEVEL = 0.95

Interval = tuple[float, float]


def repeats_for(num_pairs: int, repeats: int = REPEATS) -> int:
    """`repeats`, or fewer (200 at least) where that would take long."""
    return min(repeats, max(200, MAX_WORK // max(1, num_pairs)))


def bootstrap_intervals(
    distance: np.ndarray,
    is_same: np.ndarray,
    is_right: np.ndarray,
    fars: tuple[float, ...] = (),
    people: np.ndarray | None = None,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, Interval]:
    """95% intervals of `accuracy`, `auc`, `eer` and `tar@<far>`.

    Args:
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`, with both kinds present.
        is_right: bool `(num_pairs,)`, whether each was judged rightly in its fold.
        fars: false accept rates for which the true accept rate is wanted.
        people: identities of the pairs `(num_pairs, 2)`; None draws pairs.
        repeats: how many times to draw; fewer for very many pairs.
        seed: makes the intervals reproducible.
    """
    weighted_roc = sorted_once(distance, is_same)
    draw = drawer(is_same, people, np.random.default_rng(seed))
    rows = []
    for _ in range(repeats_for(len(distance), repeats)):
        weights = draw()
        roc = weighted_roc(weights)
        accuracy = weighted_accuracy(is_right, is_same, weights)
        tars = [_tar(roc, far) for far in fars]
        rows.append([accuracy, area_under(roc), equal_error_rate(roc), *tars])
    names = ["accuracy", "auc", "eer", *(f"tar@{far:g}" for far in fars)]
    return dict(zip(names, percentile_interval(np.array(rows)), strict=True))


def percentile_interval(draws: np.ndarray) -> list[Interval]:
    """The middle 95% of each column of `(repeats, statistics)`."""
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def drawer(
    is_same: np.ndarray, people: np.ndarray | None, rng: np.random.Generator
) -> Callable[[], np.ndarray]:
    """A function that draws how often each pair counts, `(num_pairs,)`, with both kinds present."""
    draw = _draw_pairs(is_same, rng) if people is None else _draw_people(is_same, people, rng)

    def both_kinds() -> np.ndarray:
        weights = draw()
        while not weights[is_same].any() or not weights[~is_same].any():
            weights = draw()  # one person only was drawn: nothing to compare
        return weights

    return both_kinds


def _draw_pairs(is_same: np.ndarray, rng: np.random.Generator) -> Callable[[], np.ndarray]:
    """Draws same-pairs among same-pairs and different-pairs among different-pairs."""
    kinds = [np.flatnonzero(is_same), np.flatnonzero(~is_same)]

    def draw() -> np.ndarray:
        drawn = np.concatenate([rng.choice(kind, len(kind)) for kind in kinds])
        return np.bincount(drawn, minlength=len(is_same)).astype(np.float64)

    return draw


def _draw_people(
    is_same: np.ndarray, people: np.ndarray, rng: np.random.Generator
) -> Callable[[], np.ndarray]:
    names, numbered = np.unique(people, return_inverse=True)
    left, right = numbered.reshape(-1, 2).T

    def draw() -> np.ndarray:
        times = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))
        return np.where(is_same, times[left], times[left] * times[right]).astype(np.float64)

    return draw


def sorted_once(distance: np.ndarray, is_same: np.ndarray) -> Callable[[np.ndarray], Roc]:
    """A function from the pairs' weights to their ROC, without sorting again."""
    order = np.argsort(distance, kind="stable")
    distance, is_same = distance[order], is_same[order]
    last = np.flatnonzero(np.append(np.diff(distance) > 0, True))

    def roc_of(weights: np.ndarray) -> Roc:
        weights = weights[order]
        tp = np.append(0, np.cumsum(np.where(is_same, weights, 0))[last])
        fp = np.append(0, np.cumsum(np.where(is_same, 0, weights))[last])
        return Roc(fp / fp[-1], tp / tp[-1], np.append(-np.inf, distance[last]))

    return roc_of


def weighted_accuracy(is_right: np.ndarray, is_same: np.ndarray, weights: np.ndarray) -> float:
    """Accuracy with each kind's share as it is in the set, whatever was drawn."""
    share = is_same.mean()
    right_same = np.average(is_right[is_same], weights=weights[is_same])
    right_different = np.average(is_right[~is_same], weights=weights[~is_same])
    return float(share * right_same + (1 - share) * right_different)


def _tar(roc: Roc, far: float) -> float:
    return float(roc.tpr[np.searchsorted(roc.fpr, far * (1 + 1e-12), side="right") - 1])
