"""All the pairs that known identities allow, where a set's own are too few."""

import numpy as np

LIMIT = 1_000_000


def identity_pairs(
    identities: np.ndarray, limit: int = LIMIT, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Every pair of images with known identities, or a seeded sample of the different ones.

    Args:
        identities: integers `(num_images,)`; negative ones are left out.
        limit: how many different-pairs to take at most, and how many same-pairs.
        seed: chooses them.

    Returns:
        Pairs, int64 `(num_pairs, 2)`, and whether each is of one identity, bool `(num_pairs,)`.
    """
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(identities >= 0)
    rows = rows[np.argsort(identities[rows], kind="stable")]
    _, sizes = np.unique(identities[rows], return_counts=True)
    groups = np.split(rows, np.cumsum(sizes)[:-1])
    same = [group[np.column_stack(np.triu_indices(len(group), 1))] for group in groups]
    chosen = _at_most(np.concatenate(same), limit, rng)
    different = _different(rows, identities, limit, rng)
    pairs = np.concatenate([chosen, different])
    return pairs, np.arange(len(pairs)) < len(chosen)


def _different(
    rows: np.ndarray, identities: np.ndarray, limit: int, rng: np.random.Generator
) -> np.ndarray:
    """All pairs across identities, or about `limit` distinct ones drawn at random."""
    if len(rows) * (len(rows) - 1) // 2 <= 4 * limit:
        pairs = rows[np.column_stack(np.triu_indices(len(rows), 1))]
    else:
        drawn = np.sort(rng.integers(len(rows), size=(2 * limit, 2)), axis=1)
        pairs = rows[np.unique(drawn, axis=0)]
    return _at_most(pairs[identities[pairs[:, 0]] != identities[pairs[:, 1]]], limit, rng)


def _at_most(pairs: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    if len(pairs) <= limit:
        return pairs
    return pairs[np.sort(rng.choice(len(pairs), limit, replace=False))]
