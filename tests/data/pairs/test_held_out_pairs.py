from itertools import combinations

import numpy as np
import pytest

from framl_keras.data.pairs import held_out_pairs
from framl_keras.data.pairs.held_out import MAX_SAME_PAIRS
from framl_keras.data.sources import Source
from framl_keras.errors import UserError


class Labels(Source):
    def __init__(self, labels):
        self.labels = np.array(labels)
        self.class_names = [str(n) for n in range(self.labels.max() + 1)]

    def __len__(self):
        return len(self.labels)


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 2, 0], [0] * 5 + [1], [2, 2, 1, 0, 1, 1, 1]])
def test_small_sets_have_every_same_pair_once(labels):
    pairs = held_out_pairs(Labels(labels))
    same = {tuple(sorted(pair)) for pair in pairs.pairs[pairs.is_same].tolist()}
    assert same == {
        (a, b) for a, b in combinations(range(len(labels)), 2) if labels[a] == labels[b]
    }
    assert len(same) == pairs.is_same.sum()


def check(pairs, labels):
    left, right = labels[pairs.pairs.T]
    assert np.array_equal(left == right, pairs.is_same)
    assert np.all(pairs.pairs[:, 0] != pairs.pairs[:, 1])
    assert len(np.unique(np.sort(pairs.pairs, axis=1), axis=0)) == len(pairs)


def test_pairs_alternate_so_that_folds_are_balanced():
    labels = np.repeat(np.arange(10), 10)
    pairs = held_out_pairs(Labels(labels))
    check(pairs, labels)
    assert len(pairs) == 900
    assert pairs.is_same.reshape(-1, 2).tolist() == [[True, False]] * 450


def test_a_million_images_are_sampled_not_enumerated():
    labels = np.random.default_rng(0).integers(0, 50_000, 1_000_000)
    pairs = held_out_pairs(Labels(labels), seed=3)
    check(pairs, labels)
    assert pairs.is_same.sum() == MAX_SAME_PAIRS == (~pairs.is_same).sum()


def test_every_same_pair_is_equally_likely():
    labels = np.repeat(np.arange(2), [100, 2])  # 4950 pairs of one person and one of the other
    labels = np.concatenate([labels, np.arange(2, 30)])
    drawn = [held_out_pairs(Labels(labels), seed=seed) for seed in range(20)]
    rare = sum(bool(np.any(labels[d.pairs[d.is_same][:, 0]] == 1)) for d in drawn)
    assert 6 <= rare <= 18  # expected 20 * 3000 / 4951 = 12.1
    counts = np.bincount(np.concatenate([d.pairs[d.is_same].ravel() for d in drawn]))[:100]
    assert counts.std() < 3 * np.sqrt(counts.mean())


def test_the_seed_decides():
    source = Labels(np.repeat(np.arange(4), 5))
    first, again, other = (held_out_pairs(source, seed=seed).pairs for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0], [0]])
def test_too_few_people_or_images_are_refused(labels):
    with pytest.raises(UserError, match="cannot form pairs from"):
        held_out_pairs(Labels(labels))
