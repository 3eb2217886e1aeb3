import numpy as np
import pytest
from faces import pairs_of_faces

from framl_keras.errors import UserError
from framl_keras.evaluation import SIMILARITIES, verify
from framl_keras.evaluation.folds import consecutive_folds
from framl_keras.evaluation.protocol import best_threshold, exact_folds


def _best_accuracy(distance, is_same):
    """The most that any threshold can reach, by trying all, accepting none included."""
    candidates = [-np.inf, *np.unique(distance)]
    return max(np.mean((distance <= candidate) == is_same) for candidate in candidates)


@pytest.mark.parametrize("levels", [1, 2, 5, 1000])
def test_no_threshold_is_better_on_the_training_folds(levels):
    rng = np.random.default_rng(levels)
    is_same = rng.random(120) < 0.4
    distance = rng.integers(levels, size=120) / levels + 0.3 * ~is_same
    fold = consecutive_folds(120)
    found = exact_folds(distance, is_same, fold)
    for number, threshold in enumerate(found.thresholds):
        train = fold != number
        reached = np.mean((distance[train] < threshold) == is_same[train])
        assert reached == _best_accuracy(distance[train], is_same[train])
        judged = np.mean((distance[~train] < threshold) == is_same[~train])
        assert found.accuracy[number] == judged


@pytest.mark.parametrize(
    ("distance", "is_same", "threshold"),
    [
        ([1.0, 2.0, 4.0, 5.0], [1, 1, 0, 0], 3.0),
        ([1.0, 2.0], [0, 0], 1.0),  # nothing below it
        ([1.0, 2.0], [1, 1], np.nextafter(2.0, 3)),
        ([1.0, 1.0, 1.0], [1, 1, 0], np.nextafter(1.0, 2)),
        ([1.0, 2.0, 3.0, 4.0], [1, 0, 1, 0], 1.5),  # the first of two equally good ones
        ([1.0, np.nextafter(1.0, 2)], [1, 0], np.nextafter(1.0, 2)),  # nothing lies between
    ],
)
def test_thresholds_lie_midway(distance, is_same, threshold):
    assert best_threshold(np.array(distance), np.array(is_same, dtype=bool)) == threshold


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_diff_and_cos_agree_exactly(dtype):
    embeddings, is_same = pairs_of_faces(400, noise=2.0)
    few = embeddings[np.random.default_rng(1).integers(60, size=800)]  # with many ties
    for vectors in (embeddings.astype(dtype), few.astype(dtype)):
        diff = verify(vectors, None, is_same, "diff", bootstrap=0)
        cos = verify(vectors, None, is_same, "cos", bootstrap=0)
        np.testing.assert_array_equal(diff.folds.accuracy, cos.folds.accuracy)
        np.testing.assert_array_equal(diff.folds.thresholds, 2 * cos.folds.thresholds)
        assert (diff.auc, diff.eer) == (cos.auc, cos.eer)


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_a_swapped_pair_is_a_tie(similarity):
    embeddings, _ = pairs_of_faces(50)
    pairs = np.random.default_rng(0).integers(100, size=(200, 2))
    pairs[:20, 0] = pairs[:20, 1]
    both, is_same = np.concatenate([pairs, pairs[:, ::-1]]), np.arange(400) % 2 == 0
    distance = verify(embeddings, both, is_same, similarity, bootstrap=0).distance
    np.testing.assert_array_equal(distance[:200], distance[200:])
    np.testing.assert_array_equal(distance[:20], 0)


def test_folds_of_the_set_are_used_and_a_fold_never_chooses_its_own_threshold():
    """Were its own pairs let in, the accuracy of fold 3 would be 1."""
    distance_of = {0: (0.2, 0.8), 1: (0.6, 0.9)}
    fold = np.repeat([7, 3], 10)
    is_same = np.tile([True, False], 10)
    distance = [
        distance_of[int(f == 3)][int(not same)] for f, same in zip(fold, is_same, strict=True)
    ]
    angles = np.arccos(1 - np.array(distance))
    vectors = np.stack([np.ones(20), np.zeros(20), np.cos(angles), np.sin(angles)], axis=1)
    found = verify(vectors.reshape(-1, 2), None, is_same, folds=fold, bootstrap=0)
    np.testing.assert_allclose(found.folds.thresholds, [0.5, 0.75], atol=1e-12)
    np.testing.assert_array_equal(found.folds.accuracy, [0.5, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_same": np.ones(3, bool)}, "do not fit"),
        ({"pairs": np.array([[0, 99], [0, 1]]), "is_same": np.ones(2, bool)}, "row 99 of 40"),
        ({"similarity": "cosine"}, "Did you mean 'cos'"),
        ({"protocol": "exakt"}, "Expected one of exact, framl. Did you mean exact"),
        ({"folds": np.zeros(20, int)}, "two folds at least"),
        ({"embeddings": np.zeros(4)}, "Expected \\(num_images, dim\\)"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    embeddings, is_same = pairs_of_faces(20)
    arguments = {"embeddings": embeddings, "pairs": None, "is_same": is_same, **change}
    with pytest.raises(UserError, match=message):
        verify(**arguments)


def test_a_bad_embedding_is_named():
    embeddings, is_same = pairs_of_faces(20)
    embeddings[7, 3] = np.nan
    with pytest.raises(UserError, match=r"Embedding 7 \(face-7.png\)"):
        verify(embeddings, None, is_same, keys=[f"face-{i}.png" for i in range(40)])
