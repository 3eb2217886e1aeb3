"""From a distance to a verdict and a probability, stored with the run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.evaluation.folds import FOLDS, consecutive_folds
from framl_keras.evaluation.roc import roc_curve, tar_at_far
from framl_keras.evaluation.similarities import check_similarity

FILE_NAME = "calibration.json"
RIDGE = 1e-3  # keeps the map finite where the two kinds do not overlap
STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """A threshold and a logistic map for one similarity of one model.

    Attributes:
        similarity: its name.
        far: the false accept rate asked for.
        threshold: a smaller distance means same.
        tar: the true accept rate there.
        false_accepts: different-pairs accepted there.
        slope: of the logistic map, per distance; positive.
        intercept: of the logistic map.
        cllr: cost of its log-likelihood ratios in bits, on pairs that it was not
            fitted to; 0 is perfect, 1 says nothing.
        min_cllr: what the best monotone map of the same distances would reach.
        num_same: same-pairs it comes from.
        num_different: different-pairs it comes from.
        model: hash of the model's file.
    """

    similarity: str
    far: float
    threshold: float
    tar: float
    false_accepts: int
    slope: float
    intercept: float
    cllr: float
    min_cllr: float
    num_same: int
    num_different: int
    model: str

    def is_same(self, distance: float) -> bool:
        """The verdict at the false accept rate."""
        return bool(distance < self.threshold)

    def probability(self, distance: float) -> float:
        """The probability of the same identity, both being equally likely before."""
        return float(_sigmoid(np.asarray(self.intercept - self.slope * distance)))


def calibrate(
    distance: np.ndarray, is_same: np.ndarray, similarity: str, far: float, model: str = ""
) -> Calibration:
    """Finds the threshold for a false accept rate and fits the logistic map.

    Args:
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`.
        similarity: its name.
        far: wanted false accept rate, within (0, 1).
        model: hash of the model's file, to know later that it is still the same.

    Raises:
        UserError: if there are too few pairs for the rate.
    """
    num_same, num_different = int(is_same.sum()), int((~is_same).sum())
    if min(num_same, num_different) < FOLDS or far * num_different * (1 + 1e-12) < 1:
        raise UserError(
            f"{num_same} same-pairs and {num_different} different-pairs cannot tell a false "
            f"accept rate of {far:g}. Expected {FOLDS} of each and {int(np.ceil(1 / far))} "
            "different-pairs at least; take a larger --far or a larger set."
        )
    (point,) = tar_at_far(roc_curve(distance, is_same), num_different, (far,))
    slope, intercept = fit_logistic(distance, is_same)
    return Calibration(
        check_similarity(similarity),
        far,
        point.threshold,
        point.tar,
        point.false_accepts,
        slope,
        intercept,
        cross_validated_cllr(distance, is_same),
        min_cllr(distance, is_same),
        num_same,
        num_different,
        model,
    )


def fit_logistic(distance: np.ndarray, is_same: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of `sigmoid(intercept - slope * distance)`, both kinds weighing alike.

    Newton's method on the logistic loss with a small ridge on the standardised slope.
    """
    centre, spread = distance.mean(), distance.std() or 1.0
    inputs = np.stack([(centre - distance) / spread, np.ones_like(distance)], axis=1)
    weights = np.where(is_same, 0.5 / is_same.sum(), 0.5 / (~is_same).sum())
    ridge = np.diag([RIDGE, 0.0])
    found = np.zeros(2)
    for _ in range(STEPS):
        chance = _sigmoid(inputs @ found)
        gradient = inputs.T @ (weights * (chance - is_same)) + ridge @ found
        curvature = (inputs * (weights * chance * (1 - chance))[:, None]).T @ inputs + ridge
        step = np.linalg.solve(curvature, gradient)
        found = found - step * min(1.0, 2.0 / np.abs(step).max(initial=1e-12))
        if np.abs(step).max() < 1e-10:
            break
    slope = found[0] / spread
    return float(slope), float(found[1] + slope * centre)


def cllr(log_odds: np.ndarray, is_same: np.ndarray) -> float:
    """Mean cost of log-likelihood ratios in bits, both kinds weighing alike.

    Reference:
    - Brümmer and du Preez, "Application-independent evaluation of speaker detection", 2006
    """
    same = np.logaddexp(0, -log_odds[is_same]).mean()
    different = np.logaddexp(0, log_odds[~is_same]).mean()
    return float((same + different) / (2 * np.log(2)))


def cross_validated_cllr(distance: np.ndarray, is_same: np.ndarray, seed: int = 0) -> float:
    """`cllr` of each of ten random folds under the map fitted to the other nine."""
    rng = np.random.default_rng(seed)
    fold, log_odds = np.empty(len(distance), dtype=int), np.empty(len(distance))
    for kind in (is_same, ~is_same):
        fold[kind] = rng.permutation(consecutive_folds(int(kind.sum())))
    for number in range(FOLDS):
        test = fold == number
        slope, intercept = fit_logistic(distance[~test], is_same[~test])
        log_odds[test] = intercept - slope * distance[test]
    return cllr(log_odds, is_same)


def min_cllr(distance: np.ndarray, is_same: np.ndarray) -> float:
    """`cllr` under the best monotone map, found by pooling adjacent violators."""
    order = np.argsort(-distance, kind="stable")  # likelihood of same is to ascend
    starts = np.flatnonzero(np.append(True, np.diff(distance[order]) != 0))
    same = np.add.reduceat(is_same[order].astype(float), starts)
    total = np.diff(np.append(starts, len(order)))
    counts = np.array(_pooled(same.tolist(), total.tolist()))
    return _cllr_of_blocks(counts[:, 0], counts[:, 1] - counts[:, 0])


def _pooled(same: list[float], total: list[int]) -> list[tuple[float, int]]:
    """Neighbouring (same, total) put together until their rates ascend."""
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


def write_calibrations(run: Path, calibrations: Sequence[Calibration]) -> Path:
    """Stores calibrations in a run's folder, beside those of other similarities.

    Returns:
        The file.
    """
    path = run / FILE_NAME
    models = {calibration.model for calibration in calibrations}
    kept = {c.similarity: c for c in read_calibrations(run).values() if c.model in models}
    kept.update({calibration.similarity: calibration for calibration in calibrations})
    with write_beside(path) as file:
        text = json.dumps([asdict(calibration) for calibration in kept.values()], indent=2)
        file.write_text(text, encoding="utf-8")
    return path


def read_calibrations(run: Path, model: str | None = None) -> dict[str, Calibration]:
    """A run's calibrations by similarity; none if it was never calibrated.

    Args:
        run: the run's folder.
        model: hash of the model's file; calibrations of another model are left out.

    Raises:
        UserError: if the file is damaged.
    """
    path = run / FILE_NAME
    if not path.is_file():
        return {}
    try:
        found = [Calibration(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a calibration ({error}). Make it anew: framl-keras calibrate"
        ) from None
    return {c.similarity: c for c in found if model is None or c.model == model}


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -x))
