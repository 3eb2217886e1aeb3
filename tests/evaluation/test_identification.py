import numpy as np
import pytest
from faces import people, unit

from framl_keras.errors import UserError
from framl_keras.evaluation import SIMILARITIES, distances
from framl_keras.evaluation import identification as module
from framl_keras.evaluation.identification import identify
from framl_keras.similarities import get


@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_all_pairs_score_as_pairs_do(similarity):
    vectors, _ = people(5, 3, dim=17)
    pairs = np.array([(i, j) for i in range(6) for j in range(6, 15)])
    expected = distances(vectors, pairs, similarity).reshape(6, 9)
    found = get(similarity).all_pairs(vectors[:6], vectors[6:])
    np.testing.assert_allclose(-found if similarity == "diff" else 1 - found, expected, atol=1e-12)


def _plain_ranks(gallery, gallery_ids, probes, probe_ids):
    """Rank of each probe's best mate and whether it has one, probe by probe."""
    ranks = []
    for probe, identity in zip(probes, probe_ids, strict=True):
        scores = unit(gallery) @ probe / np.linalg.norm(probe)
        mates = scores[gallery_ids == identity]
        ranks.append(1 + np.sum(scores > mates.max()) if len(mates) else 0)
    return np.array(ranks)


def _gallery_and_probes(seed=0):
    vectors, identities = people(40, 6, dim=16, noise=1.2, seed=seed)
    in_gallery = (np.arange(240) % 6 < 2) & (identities < 30)  # ten people are strangers
    return (
        vectors[in_gallery],
        identities[in_gallery],
        vectors[~in_gallery],
        identities[~in_gallery],
    )


def test_ranks_are_those_of_a_plain_loop_whatever_the_blocks(monkeypatch):
    arrays = _gallery_and_probes()
    ranks = _plain_ranks(*arrays)
    mated = ranks[ranks > 0]
    for gallery_block, probe_block in ((8192, 512), (7, 11)):
        monkeypatch.setattr(module, "GALLERY_BLOCK", gallery_block)
        monkeypatch.setattr(module, "PROBE_BLOCK", probe_block)
        found = identify(*arrays)
        assert (found.num_gallery, found.num_mated, found.num_strangers) == (60, 120, 60)
        np.testing.assert_allclose(found.cmc, [np.mean(mated <= k) for k in range(1, 21)])


def test_open_set_rates_are_those_of_counting():
    gallery, gallery_ids, probes, probe_ids = arrays = _gallery_and_probes(1)
    scores = unit(probes) @ unit(gallery).T
    ranks = _plain_ranks(*arrays)
    top, best = (
        scores.max(axis=1),
        np.where(probe_ids[:, None] == gallery_ids, scores, -np.inf).max(axis=1),
    )
    found = identify(*arrays, fpirs=(0.2, 0.1, 0.01))
    assert [point.is_resolved for point in found.open_set] == [True, True, False]
    for point in found.open_set:
        assert np.mean(top[ranks == 0] >= point.threshold) <= point.fpir
        hits = (ranks == 1) & (best >= point.threshold)
        assert point.tpir == pytest.approx(hits.sum() / (ranks > 0).sum(), abs=1e-12)


def test_ties_are_counted_as_a_guess():
    gallery, probes = np.ones((10, 4)), np.ones((5, 4))
    found = identify(gallery, np.arange(10), probes, np.arange(5))
    np.testing.assert_allclose(found.cmc[:10], np.arange(1, 11) / 10)


@pytest.mark.parametrize("columns", [5, 1024, 3000])
def test_true_entries_are_counted(columns):
    mask = np.random.default_rng(0).random((9, columns)) < 0.7
    np.testing.assert_array_equal(module._count_true(mask), mask.sum(axis=1))
    np.testing.assert_array_equal(module._count_true(np.ones_like(mask)), columns)


def test_what_does_not_fit_is_named():
    gallery, ids, probes, probe_ids = _gallery_and_probes()
    with pytest.raises(UserError, match="from one model"):
        identify(gallery, ids, probes[:, :5], probe_ids)
    with pytest.raises(UserError, match="None of"):
        identify(gallery, ids, probes, probe_ids + 1000)


@pytest.mark.parametrize("norm", [1e-6, 1e-3, 0.1, 1.0, 20.0, 1e3, 1e6])
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_ranks_are_those_of_a_plain_loop_at_any_length(similarity, norm):
    """Against distances in float64, pair by pair; `diff` and `corr` on lengths that vary, too."""
    gallery, gallery_ids, probes, probe_ids = _gallery_and_probes()
    spread = np.random.default_rng(0).uniform(0.8, 1.2, size=(len(gallery), 1))
    gallery, probes = norm * spread * gallery, norm * probes
    mated = np.isin(probe_ids, gallery_ids)
    pairs = np.array(
        [(i, len(probes) + j) for i in range(len(probes)) for j in range(len(gallery))]
    )
    d = distances(np.concatenate([probes, gallery]).astype(np.longdouble), pairs, similarity, float)
    d = d.reshape(len(probes), len(gallery))[mated]
    is_mate = probe_ids[mated, None] == gallery_ids
    best = np.where(is_mate, d, np.inf).min(axis=1)
    ranks = 1 + (d < best[:, None]).sum(axis=1)
    found = identify(gallery, gallery_ids, probes, probe_ids, similarity)
    np.testing.assert_allclose(found.cmc, [np.mean(ranks <= k) for k in range(1, 21)], atol=0.01)


def test_a_small_gallery_has_no_rank_beyond_its_size():
    found = identify(np.eye(7), list("abcdefg"), np.eye(7)[:3], ["a", "b", "g"])
    np.testing.assert_allclose(found.cmc, [2 / 3 + k / 18 for k in range(7)])  # one guesses
    assert len(found.cmc) == 7
    with pytest.raises(UserError, match="Expected 1 to 7"):
        found.rank(10)
