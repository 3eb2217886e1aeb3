"""Verification of ready embeddings: the same code, without a model."""

import hashlib
import logging
from collections.abc import Sequence

import numpy as np

from framl_keras.data.pairs.embeddings import EmbeddingSet
from framl_keras.evaluation.arrays import check_both_kinds
from framl_keras.evaluation.embed import Embedded, l2_normalized
from framl_keras.evaluation.evaluate import (
    MODEL,
    Result,
    check_names,
    verify_each,
)
from framl_keras.evaluation.judging import BY_DEFAULT, Judging

log = logging.getLogger(__name__)


def verify_ready(
    ready: EmbeddingSet,
    similarities: Sequence[str] = ("cos",),
    judging: Judging = BY_DEFAULT,
    normalize: bool = False,
) -> list[Result]:
    """Verifies ready embeddings, as they are, in each similarity.

    Args:
        ready: see `read_embeddings`.
        similarities: names, see `SIMILARITIES`.
        judging: how pairs are judged.
        normalize: scales the vectors to length one first.

    Raises:
        UserError: if the set has no same-pairs or no different-pairs.
    """
    check_names(similarities)
    check_both_kinds(ready.is_same, ready.name)
    vectors = l2_normalized(ready.embeddings) if normalize else ready.embeddings
    _warn_of_lengths(vectors)
    embedded = Embedded(vectors, ready.identities, fingerprint(ready.embeddings))
    results = verify_each(ready.pair_set(), MODEL, embedded, similarities, judging)
    return list(results)


def fingerprint(array: np.ndarray) -> str:
    """A hash of an array's type, shape and values."""
    digest = hashlib.blake2b(f"{array.dtype} {array.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _warn_of_lengths(vectors: np.ndarray) -> None:
    """Says if vectors are not of length one: all measures but the cosine depend on it."""
    lengths = np.linalg.norm(vectors[:10_000].astype(np.float64), axis=1)
    if np.abs(lengths - 1).max() > 1e-2:
        log.warning(
            "The vectors have lengths from %.3g to %.3g and are measured as they are; scale them "
            "to 1 with --normalize.",
            lengths.min(),
            lengths.max(),
        )
