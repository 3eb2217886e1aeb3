"""What public functions are given, in the forms that they expect, or an error that names it.

Lists are taken as arrays. Nothing is guessed: answers of -1 and 1 or "0" and "1" are
refused, since a wrong guess is a wrong number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from framl_keras.errors import UserError

BLOCK = 4096
LARGEST = {"f": 1e9, "d": 1e50}  # products of four such numbers are still finite


def as_array(values: npt.ArrayLike, name: str) -> np.ndarray:
    """The values as an array of numbers, strings or truth values.

    Raises:
        UserError: if they are something else, such as None, rows of several lengths, or objects.
    """
    try:
        array = np.asarray(values)
        if array.dtype == object and array.size and all(isinstance(v, str) for v in array.flat):
            array = array.astype(str)
    except (ValueError, TypeError) as error:
        raise UserError(f"`{name}` cannot be an array: {' '.join(str(error).split())}") from None
    if array.dtype.kind not in "buifUS" or not array.ndim:
        kind = type(values).__name__ if array.dtype == object else array.dtype
        raise UserError(f"`{name}`: expected an array or a list of numbers. Received: {kind}")
    return array


def as_vectors(
    vectors: npt.ArrayLike, name: str = "embeddings", keys: Sequence[str] | None = None
) -> np.ndarray:
    """Finite vectors as floats `(n, dim)`; integers become float64.

    Raises:
        UserError: if they are none, or a number is not finite or too large to be squared.
    """
    array = as_array(vectors, name)
    if array.ndim != 2 or not array.size or array.dtype.kind not in "fui":
        raise UserError(
            f"`{name}`: {array.dtype} of shape {array.shape}. "
            "Expected (num_images, dim), one vector a row."
        )
    if keys is not None and len(keys) != len(array):
        raise UserError(f"{len(keys)} keys for {len(array)} {name}. Expected one for each.")
    check_finite(array, keys, name)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def check_finite(
    vectors: np.ndarray, keys: Sequence[str] | None = None, name: str = "embeddings"
) -> None:
    """Refuses vectors with NaN, infinity, or numbers that overflow, naming the first.

    Raises:
        UserError: if there is one.
    """
    largest = LARGEST.get(np.promote_types(vectors.dtype, np.float32).char, LARGEST["d"])
    for first in range(0, len(vectors), BLOCK):
        block = np.abs(vectors[first : first + BLOCK])
        bad = np.flatnonzero(~(block.max(axis=1) <= largest))  # NaN too
        if not len(bad):
            continue
        row, most = first + int(bad[0]), float(block[bad[0]].max())
        where = "Embedding" if name == "embeddings" else f"{name}: embedding"
        where += f" {row}" + (f" ({keys[row]})" if keys is not None else "")
        if np.isfinite(most):
            raise UserError(
                f"{where}: a number of size {most:.0e}. Expected {largest:.0e} at most; scale "
                "the vectors, to length 1 for example."
            )
        raise UserError(
            f"{where} is not finite. Expected numbers; look at this image, or at the model's "
            "weights if it is the first."
        )


def as_answers(answers: npt.ArrayLike, name: str = "is_same") -> np.ndarray:
    """Whether each pair is of one identity, bool `(n,)`; the numbers 0 and 1 are taken too.

    Raises:
        UserError: if they are anything else.
    """
    array = as_array(answers, name)
    if not array.size and array.ndim == 1:
        return array.astype(bool)
    is_number = array.dtype.kind in "buif"
    if array.ndim != 1 or not is_number or not np.isin(array, (0, 1)).all():
        examples = ", ".join(map(repr, np.unique(array)[:3].tolist()))
        raise UserError(
            f"`{name}`: expected True or False (or 1 and 0) for each pair. Received: "
            f"{array.dtype} {array.shape} with {examples}"
        )
    return array.astype(bool)


def as_pairs(pairs: npt.ArrayLike | None, count: int) -> np.ndarray:
    """Pairs of rows `(n, 2)`; None pairs each even row with the next odd one.

    Raises:
        UserError: if they are not, or name a row beyond the `count` embeddings.
    """
    if pairs is None:
        return np.arange(count - count % 2).reshape(-1, 2)
    array = as_array(pairs, "pairs")
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "ui":
        raise UserError(
            f"`pairs`: expected integers of shape (n, 2), rows of the embeddings. "
            f"Received: {array.dtype} {array.shape}"
        )
    if len(array) and not 0 <= array.min() <= array.max() < count:
        row = array.min() if array.min() < 0 else array.max()
        raise UserError(f"A pair names row {row} of {count} embeddings. Expected rows from 0.")
    return array


def as_identities(identities: npt.ArrayLike, count: int, name: str = "identities") -> np.ndarray:
    """One identity for each of `count` vectors, int64; negative ones are unknown.

    Strings are numbered in their order.

    Raises:
        UserError: if they are neither integers nor strings, or there are more or fewer.
    """
    array = as_array(identities, name)
    if array.shape != (count,) or (array.dtype.kind not in "uiUS" and count):
        raise UserError(
            f"`{name}`: expected {count} integers or strings, one for each vector. "
            f"Received: {array.dtype} {array.shape}"
        )
    if array.dtype.kind in "US":
        return np.unique(array, return_inverse=True)[1].astype(np.int64)
    return array.astype(np.int64)


def as_distances(
    distance: npt.ArrayLike, is_same: npt.ArrayLike, both_kinds: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Distances `(num_pairs,)` as floats and whether each pair is of one identity.

    Raises:
        UserError: if they do not fit, a distance is not finite, or a kind of pairs is missing that
            is needed.
    """
    array, answers = as_array(distance, "distance"), as_answers(is_same)
    if array.ndim != 1 or array.dtype.kind not in "uif" or array.shape != answers.shape:
        raise UserError(
            "`distance`: expected one number for each of the "
            f"{len(answers)} answers. Received: {array.dtype} {array.shape}"
        )
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array))[0])
        raise UserError(f"`distance`: pair {place} has {array[place]}. Expected finite numbers.")
    if both_kinds:
        check_both_kinds(answers)
    return array if array.dtype.kind == "f" else array.astype(np.float64), answers


def check_both_kinds(is_same: np.ndarray, name: str = "is_same") -> None:
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


def check_arrays(
    embeddings: npt.ArrayLike,
    pairs: npt.ArrayLike | None,
    is_same: npt.ArrayLike,
    keys: Sequence[str] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, pairs and answers that fit together.

    Raises:
        UserError: if they do not, or an embedding is not finite.
    """
    vectors, answers = as_vectors(embeddings, keys=keys), as_answers(is_same)
    rows = as_pairs(pairs, len(vectors))
    if len(rows) != len(answers):
        raise UserError(
            f"{len(vectors)} embeddings, {len(rows)} pairs and {len(answers)} answers do not "
            "fit. Expected one answer for each pair."
        )
    return vectors, rows, answers


def as_count(value: Any, name: str, least: int) -> int:
    """A whole number of `least` or more.

    Raises:
        UserError: if it is none.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least:
        raise UserError(
            f"`{name}`: expected a whole number of {least} or more. Received: {value!r}"
        )
    return int(value)


def as_rate(value: Any, name: str) -> float:
    """A number between 0 and 1, neither of them.

    Raises:
        UserError: if it is none.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if not is_number or not 0 < value < 1:
        raise UserError(f"`{name}`: expected a rate between 0 and 1. Received: {value!r}")
    return float(value)
