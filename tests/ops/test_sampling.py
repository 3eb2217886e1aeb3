import numpy as np
import pytest
from keras import ops

from framl_keras.layers.sampled_kernel import sample_classes


def sampled(labels, num_classes=50, count=12, seed=3, step=0, blocks=1):
    size = -(-num_classes // blocks)
    classes, places = sample_classes(
        ops.convert_to_tensor(np.int32(labels)),
        num_classes,
        (blocks, size, count // blocks),
        seed,
        ops.convert_to_tensor(step),
    )
    return ops.convert_to_numpy(classes), ops.convert_to_numpy(places)


@pytest.mark.parametrize("labels", [[4, 49, 0, 4], [7, -1, 7], [-1, -1], list(range(12))])
def test_the_batch_s_classes_are_among_them(labels):
    classes, places = sampled(labels)

    assert len(np.unique(classes)) == 12
    assert (np.diff(classes) > 0).all()
    for label, place in zip(labels, places, strict=True):
        assert place == -1 if label == -1 else classes[place] == label


@pytest.mark.parametrize("labels", [[4, 49, 0, 4], [7, -1, 20, 33], [-1, -1], [12, 13, 25, 26]])
def test_each_block_gives_as_many_and_those_of_the_batch(labels):
    classes, places = sampled(labels, blocks=4)

    np.testing.assert_array_equal(np.bincount(classes // 13), [3, 3, 3, 3])
    assert classes.max() < 50
    assert (np.diff(classes) > 0).all()
    for label, place in zip(labels, places, strict=True):
        assert place == -1 if label == -1 else classes[place] == label


def test_a_class_that_its_block_has_no_place_for_is_told():
    _, places = sampled([0, 1, 2, 3, 20], blocks=4)

    assert (places[:4] == -1).sum() == 1
    assert places[4] >= 0


def test_others_are_drawn_anew_each_step_and_evenly():
    draws = [sampled([1, 2], step=step)[0] for step in range(300)]

    counts = np.bincount(np.concatenate(draws), minlength=50)
    expected = 300 * 10 / 48
    assert (counts[[1, 2]] == 300).all()
    others = np.delete(counts, [1, 2])
    assert np.abs(others - expected).max() < 5 * (expected * (1 - 10 / 48)) ** 0.5


def test_the_same_seed_and_step_give_the_same_classes():
    np.testing.assert_array_equal(sampled([1], step=5)[0], sampled([1], step=5)[0])
    assert (sampled([1], step=5)[0] != sampled([1], step=5, seed=4)[0]).any()


def test_all_classes():
    classes, places = sampled([3, 1], num_classes=5, count=5)

    np.testing.assert_array_equal(classes, np.arange(5))
    np.testing.assert_array_equal(places, [3, 1])
