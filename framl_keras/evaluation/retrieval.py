"""Retrieval: whether an image's nearest others are of its class."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_identities, as_vectors
from framl_keras.evaluation.identification import Scores
from framl_keras.results import Tabular
from framl_keras.similarities import check_similarity
from framl_keras.similarities.registry import get

KS = (1, 2, 4, 8)
_VALUES = 1 << 25  # scores in memory at a time


class Retrieval(Tabular):
    """How often the nearest others of an image are of its class.

    Attributes:
        recall: k -> share of queries with one of their class among the k nearest.
        r_precision: mean share of their class among the R nearest, where R is how many there are.
        map_at_r: mean average precision over the R nearest.
        queries: images that were looked for.
        alone: images that are the only one of their class: they are found, but not looked for.
        similarity: what compared.
    """

    FORMATS: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        recall: dict[int, float],
        r_precision: float,
        map_at_r: float,
        queries: int,
        alone: int,
        similarity: str,
    ):
        self.recall, self.r_precision, self.map_at_r = recall, r_precision, map_at_r
        self.queries, self.alone, self.similarity = queries, alone, similarity

    def rows(self) -> list[dict[str, Any]]:
        """One row."""
        recall = {f"recall@{k} %": round(100 * value, 2) for k, value in self.recall.items()}
        return [
            {
                "similarity": self.similarity,
                **recall,
                "R-precision %": round(100 * self.r_precision, 2),
                "MAP@R %": round(100 * self.map_at_r, 2),
            }
        ]

    def to_dict(self) -> dict[str, Any]:
        """All of it, in full."""
        return {
            "similarity": self.similarity,
            "recall": {str(k): value for k, value in self.recall.items()},
            "r_precision": self.r_precision,
            "map_at_r": self.map_at_r,
            "queries": self.queries,
            "alone": self.alone,
        }

    def summary(self) -> str:
        """The table, and what it is of."""
        alone = f", {self.alone:,} more are alone in their class" if self.alone else ""
        return f"{self}\n\n{self.queries:,} images, each looked for among all others{alone}."


def retrieval(
    vectors: Any, classes: Any, ks: Sequence[int] = KS, similarity: str = "cos"
) -> Retrieval:
    """Looks for each image among all others.

    An image of another class that is as near as one of the own comes before it, so that
    vectors that are all alike find nothing.

    Args:
        vectors: `(n, dim)`.
        classes: each one's class, whole numbers or names, `(n,)`; a number below 0 is unknown, and
            of no other's class.
        ks: of Recall@k.
        similarity: which one compares; see `list_similarities`.

    Raises:
        UserError: if no class has two images, or a k is below 1 or beyond the others.

    Example:
    >>> found = retrieval([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]], ["ada", "ada", "bob", "bob"], [1])
    >>> found.recall[1], found.map_at_r
    (1.0, 1.0)

    Reference:
    - Recall@k: Jégou et al., "Product quantization for nearest neighbor search", TPAMI 2011
    - R-precision and MAP@R: Musgrave et al., "A Metric Learning Reality Check", ECCV 2020
    """
    check_similarity(similarity)
    vectors = as_vectors(vectors, "vectors")
    labels = _numbered(as_identities(classes, len(vectors)))
    mates = np.bincount(labels)[labels] - 1
    queries = np.flatnonzero(mates > 0)
    if not len(queries):
        raise UserError("No class has two images. Expected one, to look for one by the other.")
    ks = _checked(ks, len(vectors) - 1)
    scores = Scores(get(similarity), vectors, vectors)
    everyone = slice(0, len(vectors))
    prepared = scores.prepare(everyone)
    step = max(1, _VALUES // len(vectors))
    deepest = max(*ks, int(mates.max()))
    hits: list[np.ndarray] = []
    for first in range(0, len(queries), step):
        rows = queries[first : first + step]
        values = scores.prepared(rows, prepared).astype(np.float64)
        is_mate = labels[rows][:, None] == labels
        values -= np.where(is_mate, scores.width(rows, everyone, values), 0.0)
        values[np.arange(len(rows)), rows] = -np.inf  # not itself
        hits.append(np.take_along_axis(is_mate, _best(values, deepest), axis=1))
    return _rates(np.concatenate(hits), mates[queries], ks, len(vectors), similarity)


def _numbered(classes: np.ndarray) -> np.ndarray:
    """Classes as numbers from 0 on; each that is unknown has its own."""
    _, labels = np.unique(classes, return_inverse=True)
    labels = labels.reshape(-1)
    if classes.dtype.kind == "i":
        unknown = np.flatnonzero(classes < 0)
        labels[unknown] = labels.max() + 1 + np.arange(len(unknown))
        _, labels = np.unique(labels, return_inverse=True)
    return labels.reshape(-1)


def _rates(
    hits: np.ndarray, mates: np.ndarray, ks: Sequence[int], count: int, similarity: str
) -> Retrieval:
    """The rates, of which of each query's nearest are of its class."""
    places = np.arange(1, hits.shape[1] + 1)
    within = places <= mates[:, None]
    so_far = np.cumsum(hits, axis=1)
    precision = (so_far / places * hits * within).sum(axis=1) / mates
    return Retrieval(
        {int(k): float((so_far[:, k - 1] > 0).mean()) for k in ks},
        float(((hits & within).sum(axis=1) / mates).mean()),
        float(precision.mean()),
        len(hits),
        count - len(hits),
        similarity,
    )


def _best(values: np.ndarray, count: int) -> np.ndarray:
    """Where the highest values of each row stand, the highest first."""
    count = min(count, values.shape[1] - 1)
    highest = np.argpartition(-values, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(values, highest, axis=1), axis=1, kind="stable")
    return np.take_along_axis(highest, order, axis=1)


def _checked(ks: Sequence[int], most: int) -> list[int]:
    numbers = [ks] if isinstance(ks, int) else list(ks)
    for k in numbers:
        if not isinstance(k, int | np.integer) or isinstance(k, bool) or not 1 <= k <= most:
            raise UserError(f"`ks`: expected whole numbers from 1 to {most}. Received: {k!r}")
    if not numbers:
        raise UserError("`ks`: expected one number at least. Received: none")
    return sorted({int(k) for k in numbers})
