"""Calibrations of several similarities on one or more verification sets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.evaluation.calibration import Calibration, calibrate
from framl_keras.evaluation.embed import Embedded
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.links import Units, equal_rows, units_of
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
        "FAR from": ".2g",
        "FAR to": ".2g",
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
        source = f"{first.set_name}: " if first.set_name else ""
        return (
            f"{source}{first.num_same:,} same-pairs and {first.num_different:,} different-pairs, "
            f"{first.false_accepts:,} of which are accepted at a false accept rate of "
            f"{first.far:g}; for {first.embedding} embeddings"
        )

    def rows(self) -> list[dict[str, Any]]:
        """One row for each similarity."""
        return [
            {
                "similarity": each.similarity,
                "distance below": each.threshold,
                "FAR": each.far,
                "FAR from": each.far_interval[0] if each.far_interval else None,
                "FAR to": each.far_interval[1] if each.far_interval else None,
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
    vectors, pairs, is_same, units = _joined(pair_sets, embedded)
    source = ", ".join(each.name for each in pair_sets)
    return Calibrations(
        [
            calibrate(
                comparable_distances(vectors, pairs, name), is_same, name, far, model, source, units
            )
            for name in similarities
        ]
    )


def _joined(
    pair_sets: Sequence[PairSet], embedded: Sequence[Embedded]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Units]:
    """Embeddings, pairs and answers of all sets together, and what the pairs share."""
    rows, answers, identities, done, named = [], [], [], 0, 0
    for pairs, of_set in zip(pair_sets, embedded, strict=True):
        chosen, is_same = _pairs_of(pairs, of_set.identities)
        rows.append(chosen + done)
        answers.append(is_same)
        identities.append(np.where(of_set.identities < 0, -1, of_set.identities + named))
        done += len(of_set.embeddings)
        named += int(of_set.identities.max(initial=-1)) + 1
    vectors = np.concatenate([of_set.embeddings for of_set in embedded])
    joined, is_same = np.concatenate(rows), np.concatenate(answers)
    hashes = [of_set.hashes for of_set in embedded if of_set.hashes is not None]
    equal = equal_rows(np.concatenate(hashes)) if len(hashes) == len(embedded) else None
    units = units_of(joined, is_same, np.concatenate(identities), equal)
    return vectors, joined, is_same, units


def _pairs_of(pairs: PairSet, identities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of images with known identities, and the set's own of the others."""
    all_known, is_same = identity_pairs(identities)
    others = (identities[pairs.pairs] < 0).any(axis=1)
    return (
        np.concatenate([all_known, pairs.pairs[others]]),
        np.concatenate([is_same, pairs.is_same[others]]),
    )
