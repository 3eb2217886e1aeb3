from collections import Counter

import numpy as np
import pytest

from framl_keras.data.batches import training_dataset
from framl_keras.data.order import ClassBalanced
from framl_keras.data.sources import Source, open_source
from framl_keras.errors import UserError

SIZES = [9, 3, 4, 17, 5, 1, 6]  # images of each class; one has fewer than a batch takes


class Labeled(Source):
    """Samples of seven classes, in mixed order."""

    labels = np.random.default_rng(3).permutation(np.repeat(np.arange(7), SIZES))

    def __len__(self):
        return len(self.labels)


def order(seed=0, batch_size=6, images_per_class=2):
    return ClassBalanced(Labeled(), batch_size, seed, images_per_class)


def test_each_batch_has_so_many_images_of_so_many_classes():
    run = order()
    for batch in range(200):
        places = run.batch(batch)
        counts = Counter(Labeled.labels[places].tolist())
        assert list(counts.values()) == [2, 2, 2]
        lone = sum(label == 5 for label in Labeled.labels[places])  # has one image only
        assert len(set(places.tolist())) == 6 - lone // 2


def test_all_classes_come_equally_often_and_all_images_of_a_class_too():
    run = order()
    places = np.concatenate([run.batch(batch) for batch in range(7000)])
    classes = np.bincount(Labeled.labels[places], minlength=7) / len(places)
    np.testing.assert_allclose(classes, 1 / 7, rtol=0.05)
    of_one = Counter(places[Labeled.labels[places] == 3].tolist())
    assert len(of_one) == 17
    assert max(of_one.values()) < 1.2 * min(of_one.values())


def test_it_is_a_function_of_seed_and_batch_alone():
    forwards, backwards = order(), order()
    there = [forwards.batch(batch).tolist() for batch in range(40)]
    back = [backwards.batch(batch).tolist() for batch in reversed(range(40))]
    assert there == back[::-1]
    assert there != [order(seed=1).batch(batch).tolist() for batch in range(40)]
    assert len({tuple(places) for places in there}) == 40


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_follow_it_from_any_start(threads):
    from test_batch_order import batches, digests

    source = open_source("synthetic:people=5,images=3,size=28")
    run = batches(source, batch_size=6, images_per_class=3)
    whole = digests((run[batch] for batch in range(8)), 8)
    labels = [label for label, _ in whole]
    assert all(sorted(Counter(labels[i : i + 6]).values()) == [3, 3] for i in range(0, 48, 6))
    assert digests(training_dataset(run, start_step=5, threads=threads), 3) == whole[30:]


def test_what_cannot_be_balanced_is_refused():
    with pytest.raises(UserError, match="needs 8 classes; the training data have 7"):
        order(batch_size=16)
    with pytest.raises(ValueError, match="batch_size=7, images_per_class=2"):
        order(batch_size=7)
