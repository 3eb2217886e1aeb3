"""A model's verification on sets of pairs, with raw pixels beside it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from framl_keras.data.pairs import PairSet
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import check_both_kinds
from framl_keras.evaluation.embed import BATCH_SIZE, Embedded, embed_with, mirror_fused
from framl_keras.evaluation.judging import BY_DEFAULT, Judging
from framl_keras.evaluation.links import equal_rows
from framl_keras.evaluation.verification import Verification, verify
from framl_keras.processes import ALONE, Processes
from framl_keras.similarities import check_similarity

SIDE = 28  # an embedding of 784 numbers: sets of a million images still fit

MODEL, RAW_PIXELS = "model", "raw pixels"
DTYPE = np.float64  # FRAML puts its model's embeddings into such an array


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        set_name: the verification set.
        source: what the embeddings are: `model` or `raw pixels`.
        fingerprint: hash of the set's images, pairs and answers.
        verification: the numbers.

    Example:
    >>> results = evaluate(model, pair_sets, View())  # doctest: +SKIP
    >>> results[0].similarity, results[0].accuracy  # doctest: +SKIP
    ('cos', 0.9945)
    """

    set_name: str
    source: str
    fingerprint: str
    verification: Verification

    @property
    def similarity(self) -> str:
        """The similarity's name."""
        return self.verification.similarity

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the folds."""
        return self.verification.accuracy


def evaluate(
    model: Any,
    pair_sets: Sequence[PairSet],
    view: View,
    similarities: Sequence[str] = ("cos",),
    judging: Judging = BY_DEFAULT,
    baseline: bool = True,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
    source: str = MODEL,
    processes: Processes = ALONE,
) -> list[Result]:
    """Verifies an embedding model on each set, in each similarity.

    Args:
        model: a Keras model from pixels to embeddings, see `embed`.
        pair_sets: the verification sets.
        view: how the model sees images.
        similarities: names, see `SIMILARITIES`.
        judging: how pairs are judged.
        baseline: adds raw pixels under the cosine.
        batch_size: images at a time.
        progress: shows a bar for each pass over a set.
        source: what the results call the model.
        processes: each embeds its share; all of them get the results of one.

    Raises:
        UserError: if a set has no same-pairs or no different-pairs, an image cannot
            be decoded, or a name is unknown.

    Example:
    >>> evaluate(model, open_pairs("lfw.bin"), View(112), ["cos", "ssim"])  # doctest: +SKIP
    """
    check_names(similarities)
    pair_sets = _checked(pair_sets)
    seen = [(source, mirror_fused(model, batch_size), similarities)]
    if baseline:
        seen.append((RAW_PIXELS, raw_pixels, ["cos"]))
    results: list[Result] = []
    for pairs in pair_sets:
        check_both_kinds(pairs.is_same, pairs.name)
        for name, function, measures in seen:
            title = f"{pairs.name}: {name}"
            rows = embed_with(
                function, pairs.images, view, batch_size, progress, title, processes=processes
            )
            results += verify_each(pairs, name, rows, measures, judging, DTYPE)
    return results


def _checked(pair_sets: Any) -> Sequence[PairSet]:
    """The pair sets, of which one alone may be given as it is."""
    given = [pair_sets] if isinstance(pair_sets, PairSet) else pair_sets
    if not isinstance(given, list | tuple) or not all(isinstance(p, PairSet) for p in given):
        kind = type(given).__name__
        raise UserError(
            f"`pair_sets`: expected a list of pair sets, see `open_pairs`. Received: {kind}"
        )
    return given


def check_names(similarities: Sequence[str]) -> None:
    """Checks names of similarities.

    Raises:
        UserError: if one is unknown.

    Example:
    >>> check_names(["cos", "ssim"])
    """
    if isinstance(similarities, str):
        raise UserError(f"`similarities`: expected a list of names. Received: {similarities!r}")
    for similarity in similarities:
        check_similarity(similarity)


def verify_each(
    pairs: PairSet,
    source: str,
    embedded: Embedded,
    similarities: Sequence[str],
    judging: Judging = BY_DEFAULT,
    dtype: npt.DTypeLike | None = None,
) -> Iterator[Result]:
    """One result for each similarity and protocol; FRAML's has folds of its own.

    Args:
        pairs: the set.
        source: what the results call the embeddings.
        embedded: the embeddings of the set's images.
        similarities: names.
        judging: how pairs are judged.
        dtype: see `verify`.
    """
    fingerprint = fingerprint_of(pairs, embedded.fingerprint)
    equal = None if embedded.hashes is None else equal_rows(embedded.hashes)
    folds = judging.folds if pairs.folds is None else pairs.folds
    for similarity in similarities:
        for protocol in judging.protocols:
            verification = verify(
                embedded.embeddings,
                pairs.pairs,
                pairs.is_same,
                similarity,
                protocol,
                None if protocol == "framl" else folds,
                embedded.identities,
                bootstrap=judging.bootstrap,
                seed=judging.seed,
                dtype=dtype,
                balanced=pairs.balanced,
                equal=equal,
            )
            yield Result(pairs.name, source, fingerprint, verification)


def fingerprint_of(pairs: PairSet, images: str) -> str:
    """A hash of what a set asks: its images, pairs and answers."""
    digest = hashlib.blake2b(images.encode(), digest_size=16)
    for array in (pairs.pairs.astype(np.int64), pairs.is_same.astype(bool)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def raw_pixels(pixels: np.ndarray) -> np.ndarray:
    """Gray pixels in a coarse grid, each image's mean taken off.

    Their cosine is the images' correlation.

    Args:
        pixels: uint8 `(n, height, width, channels)`.

    Returns:
        float32 `(n, cells)`, at most SIDE by SIDE of them.
    """
    height, width = pixels.shape[1:3]
    rows, columns = _cells(height), _cells(width)
    gray = pixels.mean(axis=3, dtype=np.float32)
    cells = gray.reshape(len(gray), rows, height // rows, columns, width // columns)
    cells = cells.mean(axis=(2, 4))
    vectors = cells.reshape(len(gray), -1)
    return vectors - vectors.mean(axis=1, keepdims=True)


def _cells(side: int) -> int:
    """How many equal parts a side is cut into."""
    return next(cells for cells in range(min(SIDE, side), 0, -1) if side % cells == 0)
