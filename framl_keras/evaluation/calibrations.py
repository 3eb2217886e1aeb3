"""Calibrations of several similarities on one or more verification sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.evaluation.calibration import Calibration, calibrate
from framl_keras.evaluation.embed import Embedded
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.results import Tabular
from framl_keras.similarities import comparable_distances


class Calibrations(Tabular):
    """What was found for each similarity; `calibrations["cos"]` is one of them.

    Args:
        calibrations: one for each similarity.
    """

    FORMATS: ClassVar[Mapping[str, str]] = {
        "distance below": ".4f",
        "TAR": ".2%",
        "FAR": "g",
        "Cllr": ".3f",
        "min Cllr": ".3f",
    }

    def __init__(self, calibrations: Sequence[Calibration]):
        self._by_name = {calibration.similarity: calibration for calibration in calibrations}

    def __getitem__(self, similarity: str) -> Calibration:
        return self._by_name[similarity]

    def __iter__(self) -> Iterator[Calibration]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def summary(self) -> str:
        """What they rest on, in a sentence."""
        first = next(iter(self))
        return (
            f"{first.num_same:,} same-pairs and {first.num_different:,} different-pairs, "
            f"{first.false_accepts:,} of which are accepted at a false accept rate of "
            f"{first.far:g}"
        )

    def rows(self) -> list[dict[str, Any]]:
        """One row for each similarity."""
        return [
            {
                "similarity": each.similarity,
                "distance below": each.threshold,
                "FAR": each.far,
                "TAR": each.tar,
                "Cllr": each.cllr,
                "min Cllr": each.min_cllr,
            }
            for each in self
        ]

    def to_dict(self) -> dict[str, Any]:
        """Every similarity's numbers by name."""
        return {each.similarity: asdict(each) for each in self}


def calibrate_all(
    pair_sets: Sequence[PairSet],
    embedded: Sequence[Embedded],
    similarities: Sequence[str],
    far: float,
    model: str = "",
) -> Calibrations:
    """Calibrates similarities on all sets together.

    Args:
        pair_sets: the sets; where identities are known, all pairs of their images count.
        embedded: the embeddings of each set's images.
        similarities: names.
        far: wanted false accept rate, within (0, 1).
        model: hash of the weights.

    Raises:
        UserError: if there are too few pairs for the rate.
    """
    vectors, pairs, is_same = _joined(pair_sets, embedded)
    return Calibrations(
        [
            calibrate(comparable_distances(vectors, pairs, name), is_same, name, far, model)
            for name in similarities
        ]
    )


def _joined(
    pair_sets: Sequence[PairSet], embedded: Sequence[Embedded]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, pairs and answers of all sets together."""
    rows, answers, done = [], [], 0
    for pairs, found in zip(pair_sets, embedded, strict=True):
        is_known = found.identities.min() >= 0
        chosen = identity_pairs(found.identities) if is_known else (pairs.pairs, pairs.is_same)
        rows.append(chosen[0] + done)
        answers.append(chosen[1])
        done += len(found.embeddings)
    vectors = np.concatenate([found.embeddings for found in embedded])
    return vectors, np.concatenate(rows), np.concatenate(answers)
