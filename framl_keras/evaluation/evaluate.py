"""A model's verification on sets of pairs, with raw pixels beside it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError
from framl_keras.evaluation.baseline import raw_pixels
from framl_keras.evaluation.embed import BATCH_SIZE, Embedded, embed_with, mirror_fused
from framl_keras.evaluation.intervals import REPEATS
from framl_keras.evaluation.protocol import PROTOCOLS, check_protocol
from framl_keras.evaluation.similarities import check_similarity
from framl_keras.evaluation.verification import Verification, people_of, verify

MODEL, RAW_PIXELS = "model", "raw pixels"


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        set_name: the verification set.
        source: what the embeddings are: `model` or `raw pixels`.
        fingerprint: hash of the set's images, pairs and answers.
        verification: the numbers.
        people: identities of the pairs `(num_pairs, 2)`, or None unless all are known.
    """

    set_name: str
    source: str
    fingerprint: str
    verification: Verification
    people: np.ndarray | None = None

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
    image_size: int,
    crop_centre: bool = False,
    similarities: Sequence[str] = ("cos",),
    protocol: str = "exact",
    baseline: bool = True,
    bootstrap: int = REPEATS,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
    source: str = MODEL,
) -> list[Result]:
    """Verifies an embedding model on each set, in each similarity.

    Args:
        model: a Keras model from pixels to embeddings, see `embed`.
        pair_sets: the verification sets.
        image_size: side of the model's input.
        crop_centre: sees the middle of each image only.
        similarities: names, see `SIMILARITIES`.
        protocol: `exact`, `framl` or `both`.
        baseline: adds raw pixels under the cosine.
        bootstrap: how often to resample for intervals; 0 for none.
        batch_size: images at a time.
        progress: shows a bar for each pass over a set.
        source: what the results call the model.

    Raises:
        UserError: if a set has no same-pairs or no different-pairs, an image cannot
            be decoded, or a name is unknown.
    """
    protocols = check_names(similarities, protocol)
    embedder = mirror_fused(model, batch_size)
    results: list[Result] = []
    for pairs in pair_sets:
        check_both_kinds(pairs.is_same, pairs.name)

        def embedded(
            function: Callable[[np.ndarray], np.ndarray], title: str, pairs: PairSet = pairs
        ) -> Embedded:
            title = f"{pairs.name}: {title}"
            return embed_with(
                function, pairs.images, image_size, crop_centre, batch_size, progress, title
            )

        found = embedded(embedder, "embedding")
        results += verify_each(pairs, source, found, similarities, protocols, bootstrap)
        if baseline:
            found = embedded(raw_pixels, RAW_PIXELS)
            results += verify_each(pairs, RAW_PIXELS, found, ["cos"], protocols, bootstrap)
    return results


def check_names(similarities: Sequence[str], protocol: str) -> Sequence[str]:
    """The protocols that a name stands for, once all names are known to be right.

    Raises:
        UserError: if a similarity or the protocol is unknown.
    """
    for similarity in similarities:
        check_similarity(similarity)
    return PROTOCOLS if protocol == "both" else [check_protocol(protocol)]


def check_both_kinds(is_same: np.ndarray, name: str) -> None:
    """Refuses a set that has nothing to tell apart.

    Raises:
        UserError: if there are no same-pairs or no different-pairs.
    """
    if is_same.all() or not is_same.any():
        kind = "same" if not is_same.any() else "different"
        raise UserError(
            f"{name}: no {kind}-pairs among {len(is_same)}. Expected both kinds, to tell "
            "them apart."
        )


def verify_each(
    pairs: PairSet,
    source: str,
    embedded: Embedded,
    similarities: Sequence[str],
    protocols: Sequence[str],
    bootstrap: int = REPEATS,
) -> Iterator[Result]:
    """One result for each similarity and protocol.

    FRAML's protocol has its own folds and, as FRAML's code, float64 arrays.
    """
    fingerprint = fingerprint_of(pairs, embedded.fingerprint)
    for similarity in similarities:
        for protocol in protocols:
            vectors, folds = embedded.embeddings, pairs.folds
            if protocol == "framl":
                vectors, folds = vectors.astype(np.float64), None
            found = verify(
                vectors,
                pairs.pairs,
                pairs.is_same,
                similarity,
                protocol,
                folds,
                embedded.identities,
                bootstrap=bootstrap,
            )
            people = people_of(embedded.identities, pairs.pairs)
            yield Result(pairs.name, source, fingerprint, found, people)


def fingerprint_of(pairs: PairSet, images: str) -> str:
    """A hash of what a set asks: its images, pairs and answers."""
    digest = hashlib.blake2b(images.encode(), digest_size=16)
    for array in (pairs.pairs.astype(np.int64), pairs.is_same.astype(bool)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
