"""From a distance to a probability, and what its log-likelihood ratios cost."""

import numpy as np
import numpy.typing as npt

from framl_keras.evaluation.arrays import as_answers, as_array, as_distances, check_both_kinds
from framl_keras.evaluation.folds import FOLDS, consecutive_folds

RIDGE = 1e-3  # keeps the map finite where the two kinds do not overlap
STEPS = 50


def fit_logistic(distance: npt.ArrayLike, is_same: npt.ArrayLike) -> tuple[float, float]:
    """Slope and intercept of `sigmoid(intercept - slope * distance)`, both kinds weighing alike.

    Newton's method on the logistic loss with a small ridge on the standardized slope.
    """
    distance, is_same = as_distances(distance, is_same)
    center, spread = distance.mean(), distance.std() or 1.0
    inputs = np.stack([(center - distance) / spread, np.ones_like(distance)], axis=1)
    weights = np.where(is_same, 0.5 / is_same.sum(), 0.5 / (~is_same).sum())
    ridge = np.diag([RIDGE, 0.0])
    parameters = np.zeros(2)
    for _ in range(STEPS):
        chance = sigmoid(inputs @ parameters)
        gradient = inputs.T @ (weights * (chance - is_same)) + ridge @ parameters
        curvature = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curvature, gradient)
        parameters = parameters - step * min(1.0, 2.0 / np.abs(step).max(initial=1e-12))
        if np.abs(step).max() < 1e-10:
            break
    slope = parameters[0] / spread
    return float(slope), float(parameters[1] + slope * center)


def cllr(log_odds: npt.ArrayLike, is_same: npt.ArrayLike) -> float:
    """Mean cost of log-likelihood ratios in bits, both kinds weighing alike.

    Reference:
    - Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006
    """
    log_odds, is_same = as_array(log_odds, "log_odds"), as_answers(is_same)
    check_both_kinds(is_same)
    same = np.logaddexp(0, -log_odds[is_same]).mean()
    different = np.logaddexp(0, log_odds[~is_same]).mean()
    return float((same + different) / (2 * np.log(2)))


def cross_validated_cllr(distance: npt.ArrayLike, is_same: npt.ArrayLike, seed: int = 0) -> float:
    """`cllr` of each of ten random folds under the map fitted to the other nine."""
    distance, is_same = as_distances(distance, is_same)
    rng = np.random.default_rng(seed)
    fold, log_odds = np.empty(len(distance), dtype=int), np.empty(len(distance))
    for kind in (is_same, ~is_same):
        fold[kind] = rng.permutation(consecutive_folds(int(kind.sum())))
    for number in range(FOLDS):
        test = fold == number
        slope, intercept = fit_logistic(distance[~test], is_same[~test])
        log_odds[test] = intercept - slope * distance[test]
    return cllr(log_odds, is_same)


def min_cllr(distance: npt.ArrayLike, is_same: npt.ArrayLike) -> float:
    """`cllr` under the best monotone map, found by pooling adjacent violators."""
    distance, is_same = as_distances(distance, is_same)
    order = np.argsort(-distance, kind="stable")  # likelihood of same is to ascend
    starts = np.flatnonzero(np.append(True, np.diff(distance[order]) != 0))
    same = np.add.reduceat(is_same[order].astype(float), starts)
    total = np.diff(np.append(starts, len(order)))
    counts = np.array(_pooled(same.tolist(), total.tolist()))
    return _cllr_of_blocks(counts[:, 0], counts[:, 1] - counts[:, 0])


def _pooled(same: list[float], total: list[int]) -> list[tuple[float, int]]:
    """Neighboring (same, total) put together until their rates ascend."""
    blocks: list[tuple[float, int]] = []
    for block in zip(same, total, strict=True):
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            before = blocks.pop()
            block = (before[0] + block[0], before[1] + block[1])  # noqa: PLW2901
        blocks.append(block)
    return blocks


def _cllr_of_blocks(same: np.ndarray, different: np.ndarray) -> float:
    """`cllr` where each block's likelihood ratio is that of its counts."""
    ratio_s, ratio_d = same / same.sum(), different / different.sum()
    with np.errstate(divide="ignore"):
        log_odds = np.log(ratio_s) - np.log(ratio_d)
    cost_s = ratio_s[same > 0] @ np.logaddexp(0, -log_odds[same > 0])
    cost_d = ratio_d[different > 0] @ np.logaddexp(0, log_odds[different > 0])
    return float((cost_s + cost_d) / (2 * np.log(2)))


def sigmoid(x: np.ndarray) -> np.ndarray:
    """`1 / (1 + exp(-x))` without overflow."""
    return np.exp(-np.logaddexp(0, -x))
