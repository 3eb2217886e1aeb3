"""From a distance to a verdict and a probability, stored with the run."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_distances, as_rate
from framl_keras.evaluation.folds import FOLDS
from framl_keras.evaluation.logistic import (
    cross_validated_cllr,
    fit_logistic,
    min_cllr,
    sigmoid,
)
from framl_keras.evaluation.roc import roc_curve, tar_at_far
from framl_keras.similarities import check_similarity
from framl_keras.untrusted.json_text import is_number, read_json

FILE_NAME = "calibration.json"


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
        return float(sigmoid(np.asarray(self.intercept - self.slope * distance)))


def calibrate(
    distance: npt.ArrayLike, is_same: npt.ArrayLike, similarity: str, far: float, model: str = ""
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
    check_similarity(similarity)
    distance, is_same = as_distances(distance, is_same)
    far = as_rate(far, "far")
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
        similarity,
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
    anew = "Make it anew: framl-keras calibrate"
    content = read_json(path, "a calibration", anew)
    try:
        if not isinstance(content, list):
            raise TypeError("it is no list")
        found = [_calibration(entry) for entry in content]
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a calibration ({error}). {anew}") from None
    return {c.similarity: c for c in found if model is None or c.model == model}


def _calibration(entry: Any) -> Calibration:
    """A calibration as JSON holds it, each value of its kind."""
    if not isinstance(entry, dict):
        raise TypeError(f"it lists {str(entry)[:40]}")
    for name, value in entry.items():
        kind = Calibration.__annotations__.get(name)
        fits = isinstance(value, str) if kind is str else is_number(value)
        if kind in (str, int, float) and not fits:
            raise ValueError(f"{str(name)[:40]} is {str(value)[:40]}")
    return Calibration(**entry)
