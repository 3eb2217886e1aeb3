"""Two images in each similarity: value, distance, threshold, verdict and probability."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.calibration import Calibration
from framl_keras.results import Tabular
from framl_keras.similarities import comparable_distances, get


@dataclass(frozen=True)
class Judgment:
    """What one similarity says about two images.

    Attributes:
        similarity: its name.
        value: the similarity itself.
        distance: lower is more alike.
        threshold: smaller distances mean same; None if none is known for these weights.
        far: the false accept rate that the threshold was calibrated for; None if it is the
            threshold of a verification.
        probability: of the same identity, both being equally likely before; None without
            a calibration.
    """

    similarity: str
    value: float
    distance: float
    threshold: float | None = None
    far: float | None = None
    probability: float | None = None

    @property
    def same(self) -> bool | None:
        """The verdict; None without a threshold."""
        return None if self.threshold is None else self.distance < self.threshold

    @property
    def verdict(self) -> str:
        """`same`, `different` or `unknown`."""
        return "unknown" if self.same is None else "same" if self.same else "different"


class Comparison(Tabular):
    """What every similarity says about two images.

    `comparison["ssim"]` is one similarity's `Judgment`; the attributes below are those of the
    first one.

    Args:
        judgments: one for each similarity.

    Attributes:
        same: the verdict; None without a threshold.
        distance: lower is more alike.
        threshold: smaller distances mean same, or None.
        far: the threshold's false accept rate, or None.
        probability: of the same identity, or None.
    """

    FORMATS: ClassVar[Mapping[str, str]] = {
        "value": ".4f",
        "distance": ".4f",
        "threshold": ".4f",
        "far": "g",
        "probability": ".3f",
    }

    def __init__(self, judgments: Sequence[Judgment]):
        self.judgments = tuple(judgments)
        self._by_name = {judgment.similarity: judgment for judgment in judgments}

    def __getitem__(self, similarity: str) -> Judgment:
        if similarity not in self._by_name:
            raise UserError(
                f"{similarity!r} was not compared. Expected one of {', '.join(self._by_name)}."
            )
        return self._by_name[similarity]

    def __iter__(self) -> Iterator[Judgment]:
        return iter(self.judgments)

    def __len__(self) -> int:
        return len(self.judgments)

    @property
    def same(self) -> bool | None:
        """The first similarity's verdict; None without a threshold."""
        return self.judgments[0].same

    @property
    def distance(self) -> float:
        """The first similarity's distance."""
        return self.judgments[0].distance

    @property
    def threshold(self) -> float | None:
        """The first similarity's threshold."""
        return self.judgments[0].threshold

    @property
    def far(self) -> float | None:
        """The false accept rate of the first similarity's threshold."""
        return self.judgments[0].far

    @property
    def probability(self) -> float | None:
        """The probability that the first similarity gives."""
        return self.judgments[0].probability

    def rows(self) -> list[dict[str, Any]]:
        """One row for each similarity; columns that no similarity fills are left out."""
        rows = [
            {
                "similarity": judgment.similarity,
                "value": judgment.value,
                "distance": judgment.distance,
                "threshold": judgment.threshold,
                "verdict": judgment.verdict,
                "far": judgment.far,
                "probability": judgment.probability,
            }
            for judgment in self.judgments
        ]
        optional = ("far", "probability")
        empty = [name for name in optional if all(row[name] is None for row in rows)]
        return [{name: row[name] for name in row if name not in empty} for row in rows]


def compare_vectors(
    left: np.ndarray,
    right: np.ndarray,
    similarities: Sequence[str],
    thresholds: Mapping[str, float],
    calibrations: Mapping[str, Calibration],
) -> Comparison:
    """Compares two vectors.

    Args:
        left: `(dim,)`.
        right: `(dim,)`.
        similarities: names; the first one is the comparison's own verdict.
        thresholds: those of a verification.
        calibrations: those of a false accept rate, which come before.
    """
    vectors, pair = np.stack([left, right]), np.array([[0, 1]])
    judgments = []
    for name in similarities:
        distance = comparable_distances(vectors, pair, name)
        value = float(get(name).value_of(distance)[0])
        calibration = calibrations.get(name)
        if calibration is None:
            judgments.append(Judgment(name, value, float(distance[0]), thresholds.get(name)))
            continue
        probability = calibration.probability(float(distance[0]))
        known = (calibration.threshold, calibration.far, probability)
        judgments.append(Judgment(name, value, float(distance[0]), *known))
    return Comparison(judgments)
