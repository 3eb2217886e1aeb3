"""All pairs of images that identities allow, or a sample where there are many millions."""

import numpy as np

LIMIT = 2_000_000  # of a kind; a rate of 1e-5 then rests on 20 pairs


def pairs_by_kind(
    identities: np.ndarray, rng: np.random.Generator, limit: int = LIMIT
) -> tuple[np.ndarray, np.ndarray]:
    """All same-pairs and all different-pairs, in random order, or `limit` distinct ones of a kind.

    Pairs are drawn by rank, so that a million images cost no more than their sort.

    Args:
        identities: integers from 0 `(num_images,)`.
        rng: orders the pairs and draws them.
        limit: how many pairs of a kind there are at most.

    Returns:
        Same-pairs and different-pairs, int64 `(n, 2)` each.
    """
    return _same_pairs(identities, limit, rng), _different_pairs(identities, limit, rng)


def mixed(same: np.ndarray, different: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both kinds spread evenly, so that consecutive folds have the same share of each.

    Returns:
        Pairs `(n, 2)`, and whether each is of one identity, bool `(n,)`.
    """
    place = np.concatenate([(np.arange(len(kind)) + 0.5) / len(kind) for kind in (same, different)])
    order = np.argsort(place, kind="stable")
    return np.concatenate([same, different])[order], order < len(same)


def _ranks(total: int, limit: int, rng: np.random.Generator) -> np.ndarray:
    """All ranks below `total` in random order, or `limit` distinct ones."""
    if total <= 4 * limit:
        return rng.permutation(total)[:limit]
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < limit:
        more = rng.integers(total, size=limit + limit // 4)
        drawn = np.concatenate([drawn, more])
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn[:limit]


def _same_pairs(labels: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    sizes = np.bincount(labels)
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    ranks = _ranks(int(ends[-1]), limit, rng)
    identity = np.searchsorted(ends, ranks, side="right")
    size = sizes[identity]
    within = pair_of_rank(ranks - (ends[identity] - size * (size - 1) // 2), size)
    first_image = np.cumsum(sizes) - sizes
    return np.argsort(labels, kind="stable")[within + first_image[identity, None]]


def _different_pairs(labels: np.ndarray, limit: int, rng: np.random.Generator) -> np.ndarray:
    """Of images sorted by identity, each is paired with all beyond its identity's last."""
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    beyond = np.cumsum(sizes)[labels[order]]  # where the next identity begins
    counts = len(labels) - beyond
    ends = np.cumsum(counts)
    ranks = _ranks(int(ends[-1]), limit, rng)
    left = np.searchsorted(ends, ranks, side="right")
    right = beyond[left] + ranks - (ends[left] - counts[left])
    return np.sort(order[np.column_stack([left, right])], axis=1)


def pair_of_rank(rank: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The pair `i < j` of `size` things at a rank of the order (0, 1), (0, 2), …, (1, 2), …"""
    from_end = size * (size - 1) // 2 - 1 - rank  # there, the rows are 1, 2, 3, … long
    row = ((np.sqrt(8.0 * from_end + 1) - 1) / 2).astype(np.int64)
    row -= row * (row + 1) // 2 > from_end  # where the square root was rounded up
    row += (row + 1) * (row + 2) // 2 <= from_end
    return np.column_stack([size - 2 - row, size - 1 - (from_end - row * (row + 1) // 2)])
