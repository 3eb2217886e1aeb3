"""Verification pairs made from people who were kept out of training."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError

MAX_SAME_PAIRS = 3000  # as many as LFW's protocol has; small sets use all they have


def held_out_pairs(source: Source, name: str = "held-out", seed: int = 0) -> PairSet:
    """Pairs the images of a source: all same-pairs, or 3,000, and as many different-pairs.

    The two kinds alternate, so each of ten consecutive folds is balanced.

    Args:
        source: people never seen in training.
        name: what the report calls the set.
        seed: chooses and orders the pairs.

    Raises:
        UserError: if there are fewer than two people, or nobody has two images.
    """
    rng = np.random.default_rng(seed)
    same = _same_pairs(source.labels, rng)
    if len(source.class_names) < 2 or not len(same):
        raise UserError(
            f"{name}: cannot form pairs from {len(source)} images of {len(source.class_names)} "
            "people. Expected two people at least, one of them with two images; "
            "hold out more people with `data.people`."
        )
    different = _different_pairs(source.labels, len(same), rng)
    count = len(different)
    pairs = np.stack([same[:count], different], axis=1).reshape(-1, 2)
    pairs = np.concatenate([pairs, same[count:]])
    is_same = np.concatenate([np.tile([True, False], count), np.full(len(same) - count, True)])
    return PairSet(name, cast("Sequence[Sample]", source), pairs, is_same)


def _same_pairs(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """All pairs within an identity in random order, or `MAX_SAME_PAIRS` drawn from them.

    Pairs are drawn by rank, so that a million images cost no more than their sort.
    """
    sizes = np.bincount(labels)
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    total = int(ends[-1])
    many = total > MAX_SAME_PAIRS
    ranks = rng.choice(total, MAX_SAME_PAIRS, replace=False) if many else rng.permutation(total)
    person = np.searchsorted(ends, ranks, side="right")
    within = _pair_of_rank(ranks - (ends[person] - sizes[person] * (sizes[person] - 1) // 2),
                           sizes[person])  # fmt: skip
    first_image = np.cumsum(sizes) - sizes
    return np.argsort(labels, kind="stable")[within + first_image[person, None]]


def _pair_of_rank(rank: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The pair `i < j` of `size` things at a rank of the order (0, 1), (0, 2), …, (1, 2), …"""
    from_end = size * (size - 1) // 2 - 1 - rank  # there, the rows are 1, 2, 3, … long
    row = ((np.sqrt(8.0 * from_end + 1) - 1) / 2).astype(np.int64)
    row -= row * (row + 1) // 2 > from_end  # where the square root was rounded up
    row += (row + 1) * (row + 2) // 2 <= from_end
    return np.column_stack([size - 2 - row, size - 1 - (from_end - row * (row + 1) // 2)])


def _different_pairs(labels: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` distinct pairs across identities, or all of them if there are fewer."""
    images = len(labels)
    sizes = np.bincount(labels)
    available = (images**2 - int(np.sum(sizes**2))) // 2
    found = np.empty(0, dtype=np.int64)
    while len(found) < min(count, available):
        drawn = rng.integers(images, size=(2 * count, 2))
        drawn = np.sort(drawn[labels[drawn[:, 0]] != labels[drawn[:, 1]]], axis=1)
        codes = np.concatenate([found, drawn[:, 0] * images + drawn[:, 1]])
        found = codes[np.sort(np.unique(codes, return_index=True)[1])]
    found = found[:count]
    return np.column_stack([found // images, found % images])
