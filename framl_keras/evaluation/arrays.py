"""Embeddings, pairs and answers that fit together, or an error that says what does not."""

from collections.abc import Sequence

import numpy as np

from framl_keras.errors import UserError


def check_arrays(
    embeddings: np.ndarray,
    pairs: np.ndarray | None,
    is_same: np.ndarray,
    keys: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three arrays in the forms that everything else expects.

    Raises:
        UserError: if they do not fit together or an embedding is not finite.
    """
    embeddings, is_same = np.asarray(embeddings), np.asarray(is_same).astype(bool)
    if embeddings.ndim != 2 or not embeddings.size:
        raise UserError(f"Embeddings of shape {embeddings.shape}. Expected (num_images, dim).")
    if pairs is None:
        pairs = np.arange(len(embeddings) - len(embeddings) % 2).reshape(-1, 2)
    pairs = np.asarray(pairs)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or is_same.shape != (len(pairs),):
        raise UserError(
            f"{len(embeddings)} embeddings, pairs of shape {pairs.shape} and answers of shape "
            f"{is_same.shape} do not fit. Expected pairs (n, 2) and one answer for each."
        )
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < len(embeddings):
        raise UserError(
            f"A pair names row {pairs.min() if pairs.min() < 0 else pairs.max()} of "
            f"{len(embeddings)} embeddings. Expected rows from 0."
        )
    check_finite(embeddings, keys)
    return embeddings, pairs, is_same


def check_finite(embeddings: np.ndarray, keys: Sequence[str] | None = None) -> None:
    """Refuses embeddings with NaN or infinity, naming the first.

    Raises:
        UserError: if there is one.
    """
    for first in range(0, len(embeddings), 4096):
        bad = np.flatnonzero(~np.isfinite(embeddings[first : first + 4096]).all(axis=1))
        if len(bad):
            row = first + int(bad[0])
            name = f" ({keys[row]})" if keys is not None else ""
            raise UserError(
                f"Embedding {row}{name} is not finite. Expected numbers; look at this image, or "
                "at the model's weights if it is the first."
            )


def people_of(identities: np.ndarray | None, pairs: np.ndarray) -> np.ndarray | None:
    """The identities of the pairs `(num_pairs, 2)`, or None unless all are known."""
    if identities is None or not len(pairs):
        return None
    people = np.asarray(identities)[pairs]
    return people if people.min() >= 0 else None
