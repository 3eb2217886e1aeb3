"""Verification pairs made from identities that were kept out of training."""

import numpy as np

from framl_keras.data.pairs.all_pairs import LIMIT, mixed, pairs_by_kind
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError


def held_out_pairs(
    source: Source, name: str = "held-out", seed: int = 0, limit: int = LIMIT
) -> PairSet:
    """All pairs of a source's images; of more than `limit` of a kind, as many drawn at random.

    Most are different-pairs, so accuracies weigh the two kinds alike: that makes them
    comparable with sets of as many pairs of each. The kinds are spread evenly, so that
    each of ten consecutive folds has the same share of both.

    Args:
        source: identities never seen in training.
        name: what the report calls the set.
        seed: orders the pairs, and draws them where there are too many.
        limit: how many pairs of a kind there are at most.

    Raises:
        UserError: if there are fewer than two identities, or none has two images.
    """
    labels = np.asarray(source.labels)
    sizes = np.bincount(labels) if len(labels) else np.zeros(1, dtype=np.int64)
    if np.count_nonzero(sizes) < 2 or sizes.max() < 2:
        raise UserError(
            f"{name}: cannot form pairs from {len(source)} images of {len(source.class_names)} "
            "identities. Expected two identities at least, one of them with two images; "
            "hold out more with `data.people`."
        )
    pairs, is_same = mixed(*pairs_by_kind(labels, np.random.default_rng(seed), limit))
    return PairSet(name, source, pairs, is_same, balanced=True)
