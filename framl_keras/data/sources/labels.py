"""From the identities' numbers in a file to labels 0, 1, … and class names."""

from collections.abc import Mapping

import numpy as np

from framl_keras.data.records.damage import DamagedRecordError


def check_identity(number: int) -> None:
    """Refuses what other programs write for unknown identities.

    Raises:
        DamagedRecordError: if a number is negative.
    """
    if number < 0:
        raise DamagedRecordError(f"expected an identity's number from 0 on, not {number}")


def dense_labels(source_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each record's label, int64, and the identity's number at each label, ascending."""
    numbers, labels = np.unique(source_ids, return_inverse=True)
    return labels.astype(np.int64).reshape(-1), numbers


def names_of(numbers: np.ndarray, names: Mapping[int, str]) -> list[str]:
    """A name for each identity: as the records have it if that tells them apart, or its number."""
    named = [names.get(int(number), "") for number in numbers]
    if all(named) and len(set(named)) == len(named):
        return named
    return [str(number) for number in numbers]
