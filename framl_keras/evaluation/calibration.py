"""From a distance to a verdict and a probability, stored with the run."""

import json
import logging
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
from framl_keras.evaluation.intervals import Interval, PairVariance, rate_interval
from framl_keras.evaluation.links import Units, independent
from framl_keras.evaluation.logistic import (
    cross_validated_cllr,
    fit_logistic,
    min_cllr,
    sigmoid,
)
from framl_keras.similarities import check_similarity
from framl_keras.untrusted.json_text import is_number, read_json

FILE_NAME = "calibration.json"
EMBEDDING = "fused"
RESOLVED = 10  # false accepts from which on a rate is known to about a third

log = logging.getLogger(__name__)


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
        set_name: the verification sets that they are from.
        far_interval: the 95% interval of the false accept rate at the threshold; None where
            the pairs support none.
        embedding: what it is for: `fused` is f(x) + f(mirrored x) at length one.
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
    set_name: str = ""
    far_interval: Interval | None = None
    embedding: str = EMBEDDING

    def __post_init__(self) -> None:
        if self.far_interval is not None:  # a list, where JSON held it
            low, high = self.far_interval
            object.__setattr__(self, "far_interval", (float(low), float(high)))

    @property
    def is_resolved(self) -> bool:
        """Whether enough different-pairs are accepted to know the rate to about a third."""
        return self.false_accepts >= RESOLVED

    def is_same(self, distance: float) -> bool:
        """The verdict at the false accept rate."""
        return bool(distance < self.threshold)

    def probability(self, distance: float) -> float:
        """The probability of the same identity, both being equally likely before."""
        return float(sigmoid(np.asarray(self.intercept - self.slope * distance)))


def calibrate(
    distance: npt.ArrayLike,
    is_same: npt.ArrayLike,
    similarity: str,
    far: float,
    model: str = "",
    set_name: str = "",
    units: Units | None = None,
) -> Calibration:
    """Finds the threshold for a false accept rate and fits the logistic map.

    The threshold lies right above the last different-pair that may be accepted: of fresh
    pairs, as many are then accepted on average as the rate says, and not one more. A
    warning says so where fewer than ten are.

    Args:
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`.
        similarity: its name.
        far: wanted false accept rate, within (0, 1).
        model: hash of the model's file, to know later that it is still the same.
        set_name: what the pairs are from.
        units: what the pairs share, see `units_of`; None takes them to be independent.

    Raises:
        UserError: if there are too few pairs for the rate.

    Example:
    >>> distance = np.concatenate([np.linspace(0, 1, 100), np.linspace(0.5, 2, 1000)])
    >>> found = calibrate(distance, np.arange(1100) < 100, "cos", far=0.05)
    >>> found.false_accepts, round(found.threshold, 3)
    (50, 0.574)
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
    threshold = _threshold(distance, is_same, far)
    accepted = distance < threshold
    slope, intercept = fit_logistic(distance, is_same)
    calibration = Calibration(
        similarity,
        far,
        threshold,
        float(accepted[is_same].mean()),
        int(accepted[~is_same].sum()),
        slope,
        intercept,
        cross_validated_cllr(distance, is_same),
        min_cllr(distance, is_same),
        num_same,
        num_different,
        model,
        set_name,
        _far_interval(accepted, is_same, units),
    )
    _warn(calibration)
    return calibration


def _threshold(distance: np.ndarray, is_same: np.ndarray, far: float) -> float:
    """Right above the largest distance up to which no more different-pairs lie than allowed."""
    different = np.sort(distance[~is_same])
    allowed = int(np.floor(far * len(different) * (1 + 1e-12)))
    if allowed >= len(different):
        return float(np.nextafter(different[-1], np.inf))
    beyond = different[allowed]  # is not to be accepted, nor are those that equal it
    below = different[:allowed][different[:allowed] < beyond]
    return float(np.nextafter(below[-1], np.inf) if len(below) else beyond)


def _far_interval(
    accepted: np.ndarray, is_same: np.ndarray, units: Units | None
) -> Interval | None:
    """The 95% interval of the false accept rate."""
    variance = PairVariance(units or independent(len(is_same)), is_same)
    wrong = accepted[~is_same].astype(np.float64)
    influence = np.zeros(len(is_same))
    influence[~is_same] = (wrong - wrong.mean()) / len(wrong)
    return rate_interval(float(wrong.mean()), variance(influence))


def _warn(calibration: Calibration) -> None:
    """Says if a rate rests on few pairs."""
    if calibration.is_resolved:
        return
    between = ""
    if calibration.far_interval is not None:
        low, high = calibration.far_interval
        between = f", so that it lies between {low:.1e} and {high:.1e}"
    log.warning(
        "%s: a false accept rate of %g rests on %d of %s different-pairs%s. Take a larger --far "
        "or a larger set, for %d of them at least.",
        calibration.similarity,
        calibration.far,
        calibration.false_accepts,
        f"{calibration.num_different:,}",
        between,
        RESOLVED,
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
        text = json.dumps([_entry(calibration) for calibration in kept.values()], indent=2)
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
        calibrations = [_calibration(entry) for entry in content]
    except (ValueError, TypeError) as error:
        raise UserError(f"{path}: not a calibration ({error}). {anew}") from None
    return {c.similarity: c for c in calibrations if model is None or c.model == model}


def _calibration(entry: Any) -> Calibration:
    """A calibration as JSON holds it, each value of its kind."""
    if not isinstance(entry, dict):
        raise TypeError(f"it lists {str(entry)[:40]}")
    for name, value in entry.items():
        kind = Calibration.__annotations__.get(name)
        fits = isinstance(value, str) if kind is str else is_number(value)
        if kind in (str, int, float) and not fits:
            raise ValueError(f"{str(name)[:40]} is {str(value)[:40]}")
    entry = {"set_name" if name == "set" else name: value for name, value in entry.items()}
    interval = entry.get("far_interval")
    is_pair = isinstance(interval, list) and len(interval) == 2 and all(map(is_number, interval))
    if interval is not None and not is_pair:
        raise ValueError(f"far_interval is {str(interval)[:40]}")
    return Calibration(**entry)


def _entry(calibration: Calibration) -> dict[str, Any]:
    """A calibration for JSON."""
    entry = asdict(calibration)
    return {"set": entry.pop("set_name"), "embedding": entry.pop("embedding"), **entry}
