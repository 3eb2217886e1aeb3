from itertools import combinations

import numpy as np
import pytest

from framl_keras.data.pairs import held_out_pairs
from framl_keras.data.pairs.all_pairs import LIMIT
from framl_keras.data.sources import Source
from framl_keras.errors import UserError


class Labels(Source):
    def __init__(self, labels):
        self.labels = np.array(labels)
        self.class_names = [str(n) for n in range(self.labels.max() + 1)]

    def __len__(self):
        return len(self.labels)


@pytest.mark.parametrize("labels", [[0, 1, 0, 1, 2, 0], [0] * 5 + [1], [2, 2, 1, 0, 1, 1, 1]])
def test_every_pair_is_there_once(labels):
    pairs = held_out_pairs(Labels(labels))
    found = {
        tuple(sorted(pair)): same
        for pair, same in zip(pairs.pairs.tolist(), pairs.is_same, strict=True)
    }
    assert found == {(a, b): labels[a] == labels[b] for a, b in combinations(range(len(labels)), 2)}
    assert len(found) == len(pairs)
    assert pairs.balanced


def check(pairs, labels):
    left, right = labels[pairs.pairs.T]
    assert np.array_equal(left == right, pairs.is_same)
    assert np.all(pairs.pairs[:, 0] != pairs.pairs[:, 1])
    assert len(np.unique(np.sort(pairs.pairs, axis=1), axis=0)) == len(pairs)


def test_consecutive_folds_have_the_same_share_of_each_kind():
    labels = np.repeat(np.arange(10), 10)
    pairs = held_out_pairs(Labels(labels))
    check(pairs, labels)
    assert len(pairs) == 4950
    assert pairs.is_same.reshape(10, 495).sum(axis=1).tolist() == [45] * 10


def test_of_a_million_images_a_limit_is_drawn():
    labels = np.random.default_rng(0).integers(0, 50_000, 1_000_000)
    pairs = held_out_pairs(Labels(labels), seed=3, limit=20_000)
    check(pairs, labels)
    assert pairs.is_same.sum() == 20_000 == (~pairs.is_same).sum()
    assert LIMIT >= 1_000_000


def test_every_pair_is_equally_likely():
    labels = np.repeat(np.arange(3), [40, 2, 30])
    same = {(a, b) for a, b in combinations(range(72), 2) if labels[a] == labels[b]}
    drawn = [held_out_pairs(Labels(labels), seed=seed, limit=100) for seed in range(300)]
    for kind, total in ((True, len(same)), (False, 72 * 71 // 2 - len(same))):
        codes = np.concatenate(
            [np.sort(d.pairs[d.is_same == kind], axis=1) @ [72, 1] for d in drawn]
        )
        counts = np.append(np.unique(codes, return_counts=True)[1], 0)[:total]
        expected = 300 * 100 / total
        assert len(np.unique(codes)) == total
        assert counts.std() < 1.3 * np.sqrt(expected)


def test_the_seed_decides():
    source = Labels(np.repeat(np.arange(4), 5))
    first, again, other = (held_out_pairs(source, seed=seed).pairs for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0], [0]])
def test_too_few_people_or_images_are_refused(labels):
    with pytest.raises(UserError, match="cannot form pairs from"):
        held_out_pairs(Labels(labels))
