"""All the pairs that known identities allow, where a set's own are too few."""

import numpy as np
import numpy.typing as npt

from framl_keras.data.pairs.all_pairs import LIMIT, mixed, pairs_by_kind
from framl_keras.evaluation.arrays import as_array, as_count, as_identities


def identity_pairs(
    identities: npt.ArrayLike, limit: int = LIMIT, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of images with known identities, or a sample where there are too many.

    Args:
        identities: integers or strings `(num_images,)`; negative ones are left out.
        limit: how many different-pairs to take at most, and how many same-pairs.
        seed: chooses and orders them.

    Returns:
        Pairs, int64 `(num_pairs, 2)`, and whether each is of one identity, bool `(num_pairs,)`.

    Raises:
        UserError: if they are neither integers nor strings.

    Example:
    >>> pairs, is_same = identity_pairs(["ann", "ann", "bob"])
    >>> len(pairs), int(is_same.sum())
    (3, 1)
    """
    numbers = as_identities(identities, as_array(identities, "identities").size)
    rows = np.flatnonzero(numbers >= 0)
    if not len(rows):
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=bool)
    numbered = np.unique(numbers[rows], return_inverse=True)[1].reshape(-1)
    rng = np.random.default_rng(seed)
    pairs, is_same = mixed(*pairs_by_kind(numbered, rng, as_count(limit, "limit", 1)))
    return rows[pairs], is_same
