"""Who is it? Rank-k and open-set identification against a gallery, in blocks.

Scores that differ by less than their rounding are ties, and ties are counted as
if they were ordered at random: a model that gives all vectors the same score has
the rank-1 rate of a guess.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import check_finite
from framl_keras.similarities import Similarity, get

GALLERY_BLOCK, PROBE_BLOCK = 8192, 512
FPIRS = (1e-1, 1e-2, 1e-3)
TIE = 2e-6  # a sum of 512 float32 products is not known better


class TpirAtFpir(NamedTuple):
    """Open-set identification at one false positive identification rate.

    Attributes:
        fpir: the rate asked for: strangers whose best gallery score is accepted.
        tpir: mated probes found at rank 1 and accepted.
        threshold: scores from here on are accepted.
        is_resolved: whether there are strangers enough for such a rate.
    """

    fpir: float
    tpir: float
    threshold: float
    is_resolved: bool


class Identification(NamedTuple):
    """How well probes find their identity in a gallery.

    Attributes:
        cmc: rate of mated probes whose mate is among the best k, for k = 1, 2, …
        num_gallery: gallery vectors.
        num_mated: probes whose identity is in the gallery.
        num_strangers: probes whose identity is not.
        open_set: rates with strangers; empty if there is none.
    """

    cmc: np.ndarray
    num_gallery: int
    num_mated: int
    num_strangers: int
    open_set: list[TpirAtFpir]

    def rank(self, k: int) -> float:
        """The rank-k identification rate."""
        return float(self.cmc[min(k, len(self.cmc)) - 1])


def identify(
    gallery: np.ndarray,
    gallery_ids: np.ndarray,
    probes: np.ndarray,
    probe_ids: np.ndarray,
    similarity: str = "cos",
    max_rank: int = 20,
    fpirs: tuple[float, ...] = FPIRS,
) -> Identification:
    """Identifies probes in a gallery.

    A probe's rank is that of its best mate among all gallery vectors. Only blocks
    of the scores are in memory at a time; the arrays may be memory-mapped.

    Args:
        gallery: `(num_gallery, dim)`.
        gallery_ids: integers `(num_gallery,)`.
        probes: `(num_probes, dim)`; those without a mate in the gallery are strangers.
        probe_ids: integers `(num_probes,)`.
        similarity: one of `SIMILARITIES`.
        max_rank: length of the CMC.
        fpirs: rates for the open-set numbers.

    Raises:
        UserError: if the arrays do not fit, an embedding is not finite, or no probe
            has a mate.
    """
    score = get(similarity)
    _check(gallery, gallery_ids, probes, probe_ids)
    is_mated = np.isin(probe_ids, gallery_ids)
    if not is_mated.any():
        raise UserError(
            f"None of {len(probes)} probes has its identity in the gallery. Expected one at least."
        )
    mated, mated_ids = probes[is_mated], probe_ids[is_mated]
    best, own_ties = _mate_scores(score, gallery, gallery_ids, mated, mated_ids)
    above, ties = _rivals(score, gallery, mated, best)
    ties = np.maximum(ties - own_ties, 0)
    top = _top_scores(score, gallery, probes[~is_mated])
    first = _chance_within(1, above, ties)
    return Identification(
        np.array([_chance_within(k, above, ties).mean() for k in range(1, max_rank + 1)]),
        len(gallery),
        len(mated),
        len(top),
        _open_set(best, first, top, fpirs) if len(top) else [],
    )


def _check(
    gallery: np.ndarray, gallery_ids: np.ndarray, probes: np.ndarray, probe_ids: np.ndarray
) -> None:
    for name, vectors, ids in (("gallery", gallery, gallery_ids), ("probes", probes, probe_ids)):
        if vectors.ndim != 2 or not len(vectors) or ids.shape != (len(vectors),):
            raise UserError(
                f"{name}: vectors of shape {vectors.shape} and identities of shape {ids.shape}. "
                "Expected (n, dim) and (n,)."
            )
        check_finite(vectors)
    if gallery.shape[1] != probes.shape[1]:
        raise UserError(
            f"Gallery vectors have length {gallery.shape[1]}, probes {probes.shape[1]}. "
            "Expected both from one model."
        )


def _mate_scores(
    score: Similarity,
    gallery: np.ndarray,
    gallery_ids: np.ndarray,
    probes: np.ndarray,
    probe_ids: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Each probe's best score with its own identity, and how many of these tie with it."""
    best, ties = np.empty(len(probes), np.float32), np.empty(len(probes), np.int64)
    in_gallery = _rows_by_identity(gallery_ids)
    for identity, rows in _rows_by_identity(probe_ids).items():
        scores = score.all_pairs(_vectors(probes, rows), _vectors(gallery, in_gallery[identity]))
        best[rows] = scores.max(axis=1)
        ties[rows] = (scores >= best[rows, None] - TIE).sum(axis=1)
    return best, ties


def _rows_by_identity(identities: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(identities, kind="stable")
    names, first = np.unique(identities[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, first[1:]), strict=True))


def _rivals(
    score: Similarity, gallery: np.ndarray, probes: np.ndarray, best: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """For each probe, how many gallery vectors score above its best mate, and how many tie."""
    above, not_below = np.zeros(len(probes), np.int64), np.zeros(len(probes), np.int64)
    for rows, scores in _blocks(score, gallery, probes):
        above[rows] += _count_true(scores > best[rows, None] + np.float32(TIE))
        not_below[rows] += _count_true(scores >= best[rows, None] - np.float32(TIE))
    return above, not_below - above


def _top_scores(score: Similarity, gallery: np.ndarray, strangers: np.ndarray) -> np.ndarray:
    """Each stranger's best score with anyone."""
    top = np.full(len(strangers), -np.inf, np.float32)
    for rows, scores in _blocks(score, gallery, strangers):
        np.maximum(top[rows], scores.max(axis=1), out=top[rows])
    return top


def _blocks(
    score: Similarity, gallery: np.ndarray, probes: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows of probes and their scores with a block of the gallery, until all have met."""
    for start in range(0, len(gallery), GALLERY_BLOCK):
        block = score.gallery(_vectors(gallery, slice(start, start + GALLERY_BLOCK)))
        for first in range(0, len(probes), PROBE_BLOCK):
            rows = slice(first, first + PROBE_BLOCK)
            yield rows, score.score(score.probes(_vectors(probes, rows)), block)


def _vectors(vectors: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
    return np.asarray(vectors[rows], dtype=np.float32)


def _count_true(mask: np.ndarray) -> np.ndarray:
    """How many of each row are true, bool `(n, m) -> (n,)`; eight at a time."""
    whole = mask.shape[1] - mask.shape[1] % 1024
    counts = np.count_nonzero(mask[:, whole:], axis=1)
    if whole:  # each byte of a word counts for itself, up to 128
        words = np.ascontiguousarray(mask[:, :whole]).view(np.uint64)
        sums = words.reshape(len(mask), -1, 128).sum(axis=2)
        counts += sums.view(np.uint8).sum(axis=1, dtype=np.int64)
    return counts


def _chance_within(k: int, above: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """The chance that a mate is among the best k, its ties being in random order."""
    return np.clip((k - above) / (ties + 1), 0, 1)


def _open_set(
    best: np.ndarray, first: np.ndarray, top: np.ndarray, fpirs: tuple[float, ...]
) -> list[TpirAtFpir]:
    """Rates down to the first that the strangers cannot tell."""
    descending = np.sort(top)[::-1]
    found = []
    for fpir in sorted(fpirs, reverse=True):
        allowed = int(np.floor(fpir * len(top) * (1 + 1e-12)))
        threshold = float(np.nextafter(descending[min(allowed, len(top) - 1)], np.inf))
        if allowed >= len(top):
            threshold = -np.inf
        tpir = float(np.mean(first * (best >= threshold)))
        found.append(TpirAtFpir(fpir, tpir, threshold, allowed >= 1))
        if allowed < 1:
            break
    return found
