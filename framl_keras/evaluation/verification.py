"""Verification of embeddings over pairs: one call, all that is reported about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from framl_keras.evaluation.arrays import as_count, as_identities, check_arrays
from framl_keras.evaluation.folds import FOLDS, consecutive_folds, folds_or_consecutive
from framl_keras.evaluation.intervals import REPEATS, Interval
from framl_keras.evaluation.links import Units, equal_rows, units_of
from framl_keras.evaluation.operating_point import Confusion
from framl_keras.evaluation.protocol import (
    FoldResults,
    GridRates,
    check_protocol,
    exact_folds,
    framl_folds,
)
from framl_keras.evaluation.rate_intervals import rate_intervals
from framl_keras.evaluation.roc import (
    FARS,
    Roc,
    TarAtFar,
    ValAtFar,
    area_under,
    d_prime,
    equal_error_rate,
    roc_curve,
    tar_at_far,
    val_at_far,
)
from framl_keras.similarities import check_similarity, comparable_distances, distances

VAL_FAR = 1e-3


@dataclass(frozen=True)
class Verification:
    """What is known about a similarity on a set of pairs.

    Attributes:
        similarity: its name.
        protocol: how thresholds were chosen: `exact` or `framl`.
        distance: `(num_pairs,)`, lower is more alike.
        is_same: bool `(num_pairs,)`.
        fold: `(num_pairs,)`, from 0.
        folds: accuracies, thresholds and counts of each fold.
        grid: `framl` only: mean rates at each threshold of the grid.
        roc: over all pairs.
        auc: area under it.
        eer: equal error rate.
        tar: true accept rates as far down as the pairs can tell, and one point more.
        val: insightface's validation rate at a false accept rate of 1e-3.
        d_prime: how far apart the two kinds of pairs lie.
        intervals: 95% intervals of `accuracy`, `auc`, `eer` and `tar@<far>`; those that the
            pairs can't support are left out, and all where none were asked for.
        units: what the pairs share, see `units_of`.
        repeats: how often thresholds were chosen anew for the accuracy's interval.
        balanced: whether same-pairs and different-pairs weigh alike in the accuracy.
    """

    similarity: str
    protocol: str
    distance: np.ndarray
    is_same: np.ndarray
    fold: np.ndarray
    folds: FoldResults
    grid: GridRates | None
    roc: Roc
    auc: float
    eer: float
    tar: list[TarAtFar]
    val: ValAtFar
    d_prime: float
    intervals: dict[str, Interval]
    units: Units
    repeats: int = 0
    balanced: bool = False

    @property
    def resampled(self) -> str:
        """What the intervals take to be drawn: `identities`, `links`, `pairs`, or `nothing`."""
        return self.units.source if self.intervals else "nothing"

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(self.folds.accuracy.mean())

    @property
    def accuracy_sd(self) -> float:
        """Standard deviation over the folds, of a population."""
        return float(self.folds.accuracy.std())

    @property
    def threshold(self) -> float:
        """Mean of the folds' thresholds."""
        return float(self.folds.thresholds.mean())

    @property
    def confusion(self) -> Confusion:
        """Counts over all folds, each at its own threshold."""
        return self.folds.confusion.total()

    @property
    def is_right(self) -> np.ndarray:
        """Whether each pair was judged rightly in its fold, bool `(num_pairs,)`."""
        return (self.distance < self.folds.thresholds[self.fold]) == self.is_same

    @property
    def num_same(self) -> int:
        """How many same-pairs there are."""
        return int(self.is_same.sum())

    @property
    def num_different(self) -> int:
        """How many different-pairs there are."""
        return len(self.is_same) - self.num_same

    def tar_at(self, far: float) -> TarAtFar | None:
        """The true accept rate at one of the rates in `tar`, or None beyond where it stops."""
        return next((point for point in self.tar if point.far == far), None)


def verify(
    embeddings: npt.ArrayLike,
    pairs: npt.ArrayLike | None,
    is_same: npt.ArrayLike,
    similarity: str = "cos",
    protocol: str = "exact",
    folds: npt.ArrayLike | int | None = None,
    identities: npt.ArrayLike | None = None,
    keys: Sequence[str] | None = None,
    bootstrap: int = REPEATS,
    seed: int = 0,
    dtype: npt.DTypeLike | None = None,
    balanced: bool = False,
    equal: np.ndarray | None = None,
) -> Verification:
    """Verifies embeddings on pairs.

    Embeddings are measured as they are: for unit vectors, normalize
    first, as `embed` does.

    Args:
        embeddings: `(num_images, dim)`.
        pairs: integers `(num_pairs, 2)`, rows of `embeddings`; None pairs each even
            row with the next odd one, as FRAML's sets are laid out.
        is_same: bool `(num_pairs,)`.
        similarity: one of `SIMILARITIES`.
        protocol: `exact` or `framl`.
        folds: one for each pair, or how many consecutive ones; None for ten
            (`exact`: fewer if there are fewer pairs).
        identities: of the embeddings, integers or strings `(num_images,)`, negative where
            unknown. Where they are, intervals link images through same-pairs and `equal`.
        keys: names of the rows, for messages.
        bootstrap: how often to choose thresholds anew for the accuracy's interval; 0 for no
            intervals at all.
        seed: of the resampling.
        dtype: precision of the arithmetic under `framl`; None for the embeddings' own,
            float32 at least, as FRAML's code has it. Under `exact` it is float64.
        balanced: whether same-pairs and different-pairs weigh alike in the accuracy.
        equal: integers `(num_images,)`, the same for images of equal bytes; None compares
            the embeddings.

    Raises:
        UserError: if the arrays do not fit together or an embedding is not finite.

    Example:
    >>> rng = np.random.default_rng(0)
    >>> same = np.arange(100) % 2 == 0
    >>> vectors = rng.normal(size=(200, 64))
    >>> vectors[1::2][same] = vectors[0::2][same] + rng.normal(size=(50, 64))
    >>> verify(vectors, None, same).accuracy > 0.95
    True
    """
    check_similarity(similarity)
    check_protocol(protocol)
    embeddings, pairs, is_same = check_arrays(embeddings, pairs, is_same, keys)
    bootstrap = as_count(bootstrap, "bootstrap", 0)
    if identities is not None:
        identities = as_identities(identities, len(embeddings))
    fold = _fold_of(folds, len(pairs), protocol)
    grid = None
    if protocol == "framl":
        floats = np.promote_types(embeddings.dtype, np.float32)
        distance = distances(embeddings, pairs, similarity, floats if dtype is None else dtype)
        by_fold, grid = framl_folds(distance, is_same, fold, balanced)
    else:
        distance = comparable_distances(embeddings, pairs, similarity)
        by_fold = exact_folds(distance, is_same, fold, balanced)
    if equal is None and bootstrap:
        equal = equal_rows(embeddings)
    units = units_of(pairs, is_same, identities, equal)
    summary = _summary(
        similarity, protocol, distance, is_same, fold, by_fold, grid, units, balanced
    )
    if not bootstrap or not summary.tar:
        return summary
    return replace(summary, intervals=rate_intervals(summary, bootstrap, seed), repeats=bootstrap)


def _summary(
    similarity: str,
    protocol: str,
    distance: np.ndarray,
    is_same: np.ndarray,
    fold: np.ndarray,
    by_fold: FoldResults,
    grid: GridRates | None,
    units: Units,
    balanced: bool,
) -> Verification:
    """All that follows from distances and folds, without intervals."""
    roc = roc_curve(distance, is_same)
    has_both = bool(is_same.any() and not is_same.all())
    return Verification(
        similarity,
        protocol,
        distance,
        is_same,
        fold,
        by_fold,
        grid,
        roc,
        area_under(roc),
        equal_error_rate(roc),
        tar_at_far(roc, int(np.sum(~is_same)), FARS) if has_both else [],
        val_at_far(distance, is_same, fold, VAL_FAR),
        d_prime(distance, is_same),
        {},
        units,
        balanced=balanced,
    )


def _fold_of(folds: npt.ArrayLike | int | None, num_pairs: int, protocol: str) -> np.ndarray:
    if folds is None and protocol == "framl":
        return consecutive_folds(num_pairs, FOLDS)
    if np.ndim(folds) == 0 and folds is not None:  # type: ignore[arg-type]
        return consecutive_folds(num_pairs, as_count(folds, "folds", 2))
    return folds_or_consecutive(folds, num_pairs)
