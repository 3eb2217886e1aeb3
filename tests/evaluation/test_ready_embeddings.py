import numpy as np
import pytest
from faces import people

from framl_keras.data.pairs.embeddings import read_embeddings
from framl_keras.errors import UserError
from framl_keras.evaluation import POINTS_ALONE, Judging, verify
from framl_keras.evaluation.identity_pairs import identity_pairs
from framl_keras.evaluation.ready import verify_ready


def _arrays():
    embeddings, identities = people(8, 4)
    pairs, is_same = identity_pairs(identities)
    keys = np.array([f"face-{row}" for row in range(32)])
    folds = np.arange(len(pairs)) % 5
    return {
        "embeddings": embeddings,
        "pairs": pairs,
        "is_same": is_same,
        "folds": folds,
        "identities": identities,
        "keys": keys,
    }


def test_how_pairs_are_judged_is_one_value(tmp_path):
    arrays = _arrays()
    folds = arrays.pop("folds")
    np.savez(tmp_path / "faces.npz", **arrays)
    given = (arrays["embeddings"], arrays["pairs"], arrays["is_same"])

    judging = Judging("both", folds=4, bootstrap=50, seed=7)
    exact, framl = verify_ready(read_embeddings(tmp_path / "faces.npz"), judging=judging)
    asked = {"identities": arrays["identities"], "bootstrap": 50, "seed": 7}
    expected = verify(*given, folds=4, **asked)
    assert len(exact.verification.folds.accuracy) == 4
    assert exact.verification.intervals == expected.intervals
    assert framl.verification.accuracy == verify(*given, protocol="framl", bootstrap=0).accuracy

    np.savez(tmp_path / "faces.npz", **arrays, folds=folds)
    (own,) = verify_ready(read_embeddings(tmp_path / "faces.npz"), judging=Judging(folds=4))
    assert len(own.verification.folds.accuracy) == 5


def test_what_is_written_is_verified_by_the_same_code(tmp_path):
    arrays = _arrays()
    np.savez(tmp_path / "faces.npz", **arrays)
    ready = read_embeddings(tmp_path / "faces.npz")
    assert (ready.name, ready.keys[3]) == ("faces", "face-3")
    (found,) = verify_ready(ready, judging=POINTS_ALONE)
    expected = verify(
        arrays["embeddings"], arrays["pairs"], arrays["is_same"], folds=arrays["folds"], bootstrap=0
    )
    np.testing.assert_array_equal(found.verification.folds.accuracy, expected.folds.accuracy)
    assert len(expected.folds.accuracy) == 5


def test_rows_are_paired_in_turn_and_names_may_stand_for_identities(tmp_path):
    names = np.array(["ada", "ada", "bob", "eve"])
    file = tmp_path / "x.npz"
    np.savez(file, embeddings=np.eye(4), is_same=np.array([1, 0]), identities=names)
    ready = read_embeddings(file)
    np.testing.assert_array_equal(ready.pairs, [[0, 1], [2, 3]])
    np.testing.assert_array_equal(ready.identities, [0, 0, 1, 2])
    np.testing.assert_array_equal(ready.is_same, [True, False])


def test_embeddings_and_identities_alone_are_verified_on_all_pairs(tmp_path):
    embeddings, identities = people(8, 4)
    identities[0] = -1
    np.savez(tmp_path / "faces.npz", embeddings=embeddings, identities=identities)
    ready = read_embeddings(tmp_path / "faces.npz")
    assert ready.balanced
    assert (ready.is_same.sum(), len(ready.is_same)) == (7 * 6 + 3, 31 * 30 // 2)
    np.testing.assert_array_equal(
        ready.is_same, identities[ready.pairs[:, 0]] == identities[ready.pairs[:, 1]]
    )
    (found,) = verify_ready(ready, judging=POINTS_ALONE)
    counts = found.verification.folds.confusion
    recall, specificity = counts.tp / (counts.tp + counts.fn), counts.tn / (counts.tn + counts.fp)
    np.testing.assert_allclose(found.verification.folds.accuracy, (recall + specificity) / 2)


@pytest.mark.parametrize("identities", [[0, 0, 0], [0, 1, 2], [-1, -1, 0]])
def test_identities_without_both_kinds_of_pairs_are_refused(tmp_path, identities):
    np.savez(tmp_path / "x.npz", embeddings=np.eye(3), identities=np.array(identities))
    with pytest.raises(UserError, match="cannot form pairs from"):
        read_embeddings(tmp_path / "x.npz")


def test_an_array_has_its_answers_in_a_file_beside(tmp_path):
    np.save(tmp_path / "lfw.npy", np.eye(4, dtype=np.float32))
    with pytest.raises(UserError, match=r"lfw_list\.npy: cannot be read: No such file"):
        read_embeddings(tmp_path / "lfw.npy")
    np.save(tmp_path / "lfw_list.npy", np.array([True, False]))
    ready = read_embeddings(tmp_path / "lfw.npy")
    np.testing.assert_array_equal(ready.pairs, [[0, 1], [2, 3]])
    np.testing.assert_array_equal(ready.is_same, [True, False])
    np.testing.assert_array_equal(ready.embeddings, np.eye(4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_same": None}, "no array is_same among embeddings"),
        ({"is_same": np.ones(5, bool)}, "5 answers but pairs"),
        ({"is_same": np.full(496, 2)}, "true or false"),
        ({"pairs": np.full((496, 2), 32)}, "row 32 of 32"),
        ({"embeddings": np.array([["a"]])}, "Expected numbers"),
        ({"folds": np.zeros(3, int)}, "one for each pair"),
        ({"keys": np.arange(32)}, "Expected 32 strings"),
        ({"embeddings": np.array([{}])}, "not a .npz of plain arrays"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, change, message):
    arrays = {name: array for name, array in {**_arrays(), **change}.items() if array is not None}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match=message):
        read_embeddings(tmp_path / "x.npz")


def test_a_bad_embedding_is_named_by_its_key(tmp_path):
    arrays = _arrays()
    arrays["embeddings"][17, 0] = np.inf
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(UserError, match="embedding of face-17 is not finite"):
        read_embeddings(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x80\x04}."])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"not a \.npz"):
        read_embeddings(tmp_path / "x.npz")


def test_a_set_with_nothing_to_tell_apart_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", embeddings=np.eye(4), is_same=np.array([1, 1]))
    with pytest.raises(UserError, match="x: no different-pairs among 2"):
        verify_ready(read_embeddings(tmp_path / "x.npz"))
