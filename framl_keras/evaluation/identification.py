"""Who is it? Rank-k and open-set identification against a gallery, in blocks.

Scores that differ by less than their rounding are ties, and ties are counted as
if they were ordered at random: a model that gives all vectors the same score has
the rank-1 rate of a guess. How much rounding there is depends on the vectors' lengths.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_array, as_count, as_identities, as_rate, as_vectors
from framl_keras.similarities import Similarity, get

GALLERY_BLOCK, PROBE_BLOCK = 8192, 512
FPIRS = (1e-1, 1e-2, 1e-3)
TIE = {"f": 2e-6, "d": 1e-14}  # a sum of 512 products is not known better, relative to its size
BOUNDED = ("cos", "ssim")  # within -1 and 1 whatever the lengths
UNIT = 1e-3  # vectors whose lengths differ from 1 by less are scored in float32


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
        cmc: rate of mated probes whose mate is among the best k, for k = 1, 2, … up to
            the gallery's size at most.
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
        """The rank-k identification rate.

        Raises:
            UserError: if `k` is beyond the gallery or beyond the ranks that were asked for.
        """
        if as_count(k, "k", 1) > len(self.cmc):
            raise UserError(
                f"No rank-{k} rate in a gallery of {self.num_gallery:,}, of which ranks up to "
                f"{len(self.cmc)} were counted. Expected 1 to {len(self.cmc)}."
            )
        return float(self.cmc[k - 1])


def identify(
    gallery: npt.ArrayLike,
    gallery_ids: npt.ArrayLike,
    probes: npt.ArrayLike,
    probe_ids: npt.ArrayLike,
    similarity: str = "cos",
    max_rank: int = 20,
    fpirs: Sequence[float] = FPIRS,
) -> Identification:
    """Identifies probes in a gallery.

    A probe's rank is that of its best mate among all gallery vectors. Only blocks
    of the scores are in memory at a time; the arrays may be memory-mapped.

    Args:
        gallery: `(num_gallery, dim)`.
        gallery_ids: integers or strings `(num_gallery,)`.
        probes: `(num_probes, dim)`; those without a mate in the gallery are strangers.
        probe_ids: integers or strings `(num_probes,)`, of the gallery's kind.
        similarity: one of `SIMILARITIES`.
        max_rank: length of the CMC; a smaller gallery has fewer ranks.
        fpirs: rates for the open-set numbers.

    Raises:
        UserError: if the arrays do not fit, an embedding is not finite, or no probe
            has a mate.
    """
    score, max_rank = get(similarity), as_count(max_rank, "max_rank", 1)
    rates = [as_rate(fpir, "fpirs") for fpir in fpirs]
    gallery, probes = as_vectors(gallery, "gallery"), as_vectors(probes, "probes")
    gallery_ids, probe_ids = _numbered(gallery_ids, len(gallery), probe_ids, len(probes))
    _check_lengths(gallery, probes)
    is_mated = np.isin(probe_ids, gallery_ids)
    if not is_mated.any():
        raise UserError(
            f"None of {len(probes)} probes has its identity in the gallery. Expected one at least."
        )
    scores = Scores(score, gallery, probes)
    mated = np.flatnonzero(is_mated)
    best, own_ties = _mate_scores(scores, gallery_ids, probe_ids, mated)
    above, ties = _rivals(scores, mated, best)
    ties = np.maximum(ties - own_ties, 0)
    top = _top_scores(scores, np.flatnonzero(~is_mated))
    first = _chance_within(1, above, ties)
    ranks = range(1, min(max_rank, len(gallery)) + 1)
    return Identification(
        np.array([_chance_within(k, above, ties).mean() for k in ranks]),
        len(gallery),
        len(mated),
        len(top),
        _open_set(best, first, top, rates) if len(top) else [],
    )


def _numbered(
    gallery_ids: npt.ArrayLike, num_gallery: int, probe_ids: npt.ArrayLike, num_probes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Both as integers, strings being numbered together.

    Raises:
        UserError: if they do not fit the vectors, or one is text and the other numbers.
    """
    both = [as_array(gallery_ids, "gallery_ids"), as_array(probe_ids, "probe_ids")]
    for array, count, name in zip(
        both, (num_gallery, num_probes), ("gallery_ids", "probe_ids"), strict=True
    ):
        as_identities(array, count, name)
    is_text = [array.dtype.kind in "US" for array in both]
    if is_text[0] != is_text[1]:
        raise UserError(
            f"`gallery_ids` are {both[0].dtype} and `probe_ids` {both[1].dtype}: no two would be "
            "equal. Expected both as integers, or both as strings."
        )
    numbered = np.unique(np.concatenate(both), return_inverse=True)[1].reshape(-1)
    return numbered[:num_gallery], numbered[num_gallery:]


def _check_lengths(gallery: np.ndarray, probes: np.ndarray) -> None:
    if gallery.shape[1] != probes.shape[1]:
        raise UserError(
            f"Gallery vectors have length {gallery.shape[1]}, probes {probes.shape[1]}. "
            "Expected both from one model."
        )


class Scores:
    """Scores of probes with gallery vectors, and how far rounding may move each.

    Unit vectors are scored in float32, with one width for all; others in float64,
    with a width that follows from the lengths of the two.
    """

    def __init__(self, score: Similarity, gallery: np.ndarray, probes: np.ndarray):
        self.score = score
        self.gallery, self.probes = gallery, probes
        self.lengths = _lengths(gallery), _lengths(probes)
        is_unit = all(np.abs(length - 1).max() < UNIT for length in self.lengths)
        self.dtype = np.dtype(np.float32 if is_unit else np.float64)

    def width(
        self, probes: np.ndarray, gallery: slice | np.ndarray, values: np.ndarray
    ) -> np.ndarray:
        """Scores closer than this are equal, `(n, m)` or `()`."""
        tie = self.dtype.type(TIE[self.dtype.char])
        if self.dtype == np.float32 or self.score.name in BOUNDED:
            return np.asarray(tie)
        left, right = self.lengths[1][probes, None], self.lengths[0][gallery]
        if self.score.name == "diff":
            return tie * (left**2 + right**2)
        return tie * np.maximum(left * right, np.abs(values))

    def of(self, probes: np.ndarray, gallery: slice | np.ndarray) -> np.ndarray:
        """All scores `(n, m)`, higher is more alike."""
        return self.prepared(probes, self.prepare(gallery))

    def prepare(self, gallery: slice | np.ndarray) -> object:
        """What can be done with a block of the gallery alone."""
        return self.score.gallery(np.asarray(self.gallery[gallery], dtype=self.dtype))

    def prepared(self, probes: np.ndarray, gallery: object) -> np.ndarray:
        """Scores with a block that `prepare` gave."""
        vectors = np.asarray(self.probes[probes], dtype=self.dtype)
        return self.score.score(self.score.probes(vectors), gallery).astype(self.dtype, copy=False)

    def blocks(self, probes: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Rows of `probes`, their scores with a block of the gallery, and the ties' widths."""
        for start in range(0, len(self.gallery), GALLERY_BLOCK):
            part = slice(start, start + GALLERY_BLOCK)
            block = self.prepare(part)
            for first in range(0, len(probes), PROBE_BLOCK):
                rows = slice(first, first + PROBE_BLOCK)
                values = self.prepared(probes[rows], block)
                yield rows, values, self.width(probes[rows], part, values)


def _lengths(vectors: np.ndarray) -> np.ndarray:
    blocks = (vectors[i : i + GALLERY_BLOCK] for i in range(0, len(vectors), GALLERY_BLOCK))
    return np.concatenate([np.linalg.norm(b.astype(np.float64), axis=1) for b in blocks])


def _mate_scores(
    scores: Scores, gallery_ids: np.ndarray, probe_ids: np.ndarray, mated: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each mated probe's best score with its identity, and how many of these tie with it."""
    best, ties = np.empty(len(mated), scores.dtype), np.empty(len(mated), np.int64)
    in_gallery = _rows_by_identity(gallery_ids)
    for identity, rows in _rows_by_identity(probe_ids[mated]).items():
        mates = in_gallery[identity]
        values = scores.of(mated[rows], mates)
        best[rows] = values.max(axis=1)
        width = scores.width(mated[rows], mates, values)
        ties[rows] = (values >= best[rows, None] - width).sum(axis=1)
    return best, ties


def _rows_by_identity(identities: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(identities, kind="stable")
    names, first = np.unique(identities[order], return_index=True)
    return dict(zip(names.tolist(), np.split(order, first[1:]), strict=True))


def _rivals(scores: Scores, mated: np.ndarray, best: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each probe, how many gallery vectors score above its best mate, and how many tie."""
    above, not_below = np.zeros(len(mated), np.int64), np.zeros(len(mated), np.int64)
    for rows, values, width in scores.blocks(mated):
        above[rows] += _count_true(values > best[rows, None] + width)
        not_below[rows] += _count_true(values >= best[rows, None] - width)
    return above, not_below - above


def _top_scores(scores: Scores, strangers: np.ndarray) -> np.ndarray:
    """Each stranger's best score with anyone."""
    top = np.full(len(strangers), -np.inf, scores.dtype)
    for rows, values, _ in scores.blocks(strangers):
        np.maximum(top[rows], values.max(axis=1), out=top[rows])
    return top


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
    best: np.ndarray, first: np.ndarray, top: np.ndarray, fpirs: Sequence[float]
) -> list[TpirAtFpir]:
    """Rates down to the first that the strangers cannot tell."""
    descending = np.sort(top)[::-1]
    rates = []
    for fpir in sorted(fpirs, reverse=True):
        allowed = int(np.floor(fpir * len(top) * (1 + 1e-12)))
        threshold = float(np.nextafter(descending[min(allowed, len(top) - 1)], np.inf))
        if allowed >= len(top):
            threshold = -np.inf
        tpir = float(np.mean(first * (best >= threshold)))
        rates.append(TpirAtFpir(fpir, tpir, threshold, allowed >= 1))
        if allowed < 1:
            break
    return rates
