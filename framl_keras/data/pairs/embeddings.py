"""Ready embeddings with pairs, from any model of any framework: a `.npz` or `.npy` file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.pairs.all_pairs import mixed, pairs_by_kind
from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError
from framl_keras.untrusted.arrays import read_npz, read_numbers

FORMAT = (
    "embeddings (n, d), is_same (m,), and optionally pairs (m, 2), folds (m,), "
    "identities (n,), keys (n,); or embeddings and identities alone, for all pairs"
)


@dataclass(frozen=True)
class EmbeddingSet:
    """Embeddings and the pairs to verify them on.

    Attributes:
        name: the file's name without its suffix.
        embeddings: floats `(num_images, dim)`, finite.
        pairs: int64 `(num_pairs, 2)`, rows of `embeddings`.
        is_same: bool `(num_pairs,)`.
        folds: integers `(num_pairs,)`, or None.
        identities: int64 `(num_images,)`, -1 where unknown.
        keys: names of the rows.
        balanced: see `PairSet`.
    """

    name: str
    embeddings: np.ndarray
    pairs: np.ndarray
    is_same: np.ndarray
    folds: np.ndarray | None
    identities: np.ndarray
    keys: Sequence[str]
    balanced: bool = False

    def pair_set(self) -> PairSet:
        """The same pairs, of images that are not there: their bytes are empty."""
        images = _Names(self.keys, self.identities)
        return PairSet(
            self.name, images, self.pairs, self.is_same, self.folds, balanced=self.balanced
        )


class _Names(Sequence[Any]):
    """Samples that have a name and an identity, but no image."""

    def __init__(self, keys: Sequence[str], identities: np.ndarray):
        self.keys, self.labels = keys, identities

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        return Sample(b"", int(self.labels[index]), str(self.keys[index]))


class _RowNames(Sequence[Any]):
    """`row 0`, `row 1`, … without holding them."""

    def __init__(self, length: int):
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return f"row {index}"


def read_embeddings(path: str | os.PathLike[str]) -> EmbeddingSet:
    """Reads a `.npz` file of embeddings and pairs; nothing in it is run.

    Embeddings and identities alone are verified on all their pairs, both kinds weighing
    alike in the accuracy, as `held_out_pairs` has it.

    Without `pairs`, each even row is paired with the next odd one. So it is for
    `NAME.npy`, an array of embeddings with the answers in `NAME_list.npy`, as
    bcolz sets have them.

    Raises:
        UserError: if it cannot be read, an array is missing or does not fit, or an
            embedding is not finite (its key is named).
    """
    arrays = _load(Path(path))
    _check_names(arrays, path)
    embeddings = _numbers(arrays["embeddings"], path)
    count = len(embeddings)
    keys = _keys(arrays.get("keys"), count, path)
    _check_finite(embeddings, keys, path)
    identities = _integers(arrays.get("identities"), "identities", count, "embedding", path)
    if identities is not None and "is_same" not in arrays:
        pairs, is_same = _all_pairs(identities, path)
        name = Path(path).stem
        return EmbeddingSet(name, embeddings, pairs, is_same, None, identities, keys, balanced=True)
    is_same = _answers(arrays["is_same"], path)
    pairs = _pairs(arrays.get("pairs"), len(is_same), count, path)
    folds = _integers(arrays.get("folds"), "folds", len(is_same), "pair", path)
    if identities is None:
        identities = np.full(count, -1)
    return EmbeddingSet(Path(path).stem, embeddings, pairs, is_same, folds, identities, keys)


def _check_names(arrays: dict[str, np.ndarray], path: str | os.PathLike[str]) -> None:
    """Refuses arrays that say nothing about which pairs are the same."""
    tells_pairs = "pairs" in arrays or "folds" in arrays or "identities" not in arrays
    needed = ("embeddings", "is_same") if tells_pairs else ("embeddings",)
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise UserError(
            f"{path}: no array {' and no '.join(missing)} among {', '.join(arrays) or 'none'}. "
            f"Expected {FORMAT}."
        )


def _numbers(embeddings: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    if embeddings.ndim != 2 or embeddings.dtype.kind not in "fiu" or not embeddings.size:
        raise UserError(
            f"{path}: embeddings are {embeddings.dtype} {embeddings.shape}. Expected numbers "
            "(n, d)."
        )
    return embeddings if embeddings.dtype.kind == "f" else embeddings.astype(np.float64)


def _all_pairs(
    identities: np.ndarray, path: str | os.PathLike[str]
) -> tuple[np.ndarray, np.ndarray]:
    rows = np.flatnonzero(identities >= 0)
    names, numbered = np.unique(identities[rows], return_inverse=True)
    if len(names) < 2 or len(names) == len(rows):
        raise UserError(
            f"{path}: cannot form pairs from {len(rows)} embeddings of {len(names)} identities. "
            "Expected two identities at least, one of them with two embeddings."
        )
    pairs, is_same = mixed(*pairs_by_kind(numbered, np.random.default_rng(0)))
    return rows[pairs], is_same


def _load(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise UserError(f"No such file: {path}. Expected a .npz with {FORMAT}.")
    if path.suffix == ".npy":
        answers = path.with_name(f"{path.stem}_list.npy")
        return {"embeddings": read_numbers(path), "is_same": read_numbers(answers)}
    try:
        return read_npz(path)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a .npz of plain arrays ({reason}). Expected {FORMAT}."
        ) from None


def _keys(keys: np.ndarray | None, count: int, path: str | os.PathLike[str]) -> Sequence[str]:
    if keys is None:
        return _RowNames(count)
    if keys.shape != (count,) or keys.dtype.kind not in "US":
        raise UserError(
            f"{path}: keys are {keys.dtype} {keys.shape}. Expected {count} strings, one for each "
            "embedding."
        )
    return keys.astype(str).tolist()


def _check_finite(
    embeddings: np.ndarray, keys: Sequence[str], path: str | os.PathLike[str]
) -> None:
    for first in range(0, len(embeddings), 4096):
        bad = np.flatnonzero(~np.isfinite(embeddings[first : first + 4096]).all(axis=1))
        if len(bad):
            raise UserError(
                f"{path}: the embedding of {keys[first + int(bad[0])]} is not finite. Expected "
                "numbers; embed that image anew or leave it out."
            )


def _answers(is_same: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    if is_same.ndim != 1 or is_same.dtype.kind not in "bui" or not np.isin(is_same, (0, 1)).all():
        raise UserError(
            f"{path}: is_same is {is_same.dtype} {is_same.shape}. Expected true or false for "
            "each pair."
        )
    return is_same.astype(bool)


def _pairs(
    pairs: np.ndarray | None, num_pairs: int, count: int, path: str | os.PathLike[str]
) -> np.ndarray:
    if pairs is None:
        pairs = np.arange(count - count % 2).reshape(-1, 2)
    if pairs.shape != (num_pairs, 2) or pairs.dtype.kind not in "iu":
        raise UserError(
            f"{path}: {num_pairs} answers but pairs are {pairs.dtype} {pairs.shape}. Expected "
            "integers (m, 2), or two embeddings for each answer."
        )
    if num_pairs and not 0 <= int(pairs.min()) <= int(pairs.max()) < count:
        wrong = int(pairs.min()) if pairs.min() < 0 else int(pairs.max())
        raise UserError(
            f"{path}: a pair names row {wrong} of {count} embeddings. Expected rows from 0."
        )
    return pairs.astype(np.int64)


def _integers(
    array: np.ndarray | None, name: str, count: int, what: str, path: str | os.PathLike[str]
) -> np.ndarray | None:
    """One integer for each of `count` things; strings are numbered."""
    if array is None:
        return None
    if array.dtype.kind in "US":
        array = np.unique(array, return_inverse=True)[1]
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise UserError(
            f"{path}: {name} are {array.dtype} {array.shape}. Expected {count} integers, one for "
            f"each {what}."
        )
    return array.astype(np.int64)
