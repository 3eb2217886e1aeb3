"""Which fold each pair belongs to."""

import numpy as np
import numpy.typing as npt

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_array

FOLDS = 10


def consecutive_folds(num_pairs: int, num_folds: int = FOLDS) -> np.ndarray:
    """Folds of consecutive pairs, as scikit-learn's `KFold` cuts them without shuffling.

    The first `num_pairs % num_folds` folds have one pair more.

    Returns:
        int64 `(num_pairs,)`, from 0.

    Raises:
        UserError: if there are fewer pairs than folds, or fewer than two folds.
    """
    if not 2 <= num_folds <= num_pairs:
        raise UserError(
            f"Cannot cut {num_pairs} pairs into {num_folds} folds. Expected two folds at least, "
            "with a pair in each."
        )
    sizes = np.full(num_folds, num_pairs // num_folds)
    sizes[: num_pairs % num_folds] += 1
    return np.repeat(np.arange(num_folds), sizes)


def folds_or_consecutive(folds: npt.ArrayLike | None, num_pairs: int) -> np.ndarray:
    """The given folds numbered from 0, or up to ten consecutive ones.

    Raises:
        UserError: if the given folds do not fit the pairs, or are all the same.
    """
    if folds is None:
        return consecutive_folds(num_pairs, min(FOLDS, max(2, num_pairs)))
    array = as_array(folds, "folds")
    names, numbered = np.unique(array, return_inverse=True)
    if array.shape != (num_pairs,) or array.dtype.kind not in "uiUS" or len(names) < 2:
        raise UserError(
            f"{num_pairs} pairs but folds are {array.dtype} {array.shape} with {len(names)} "
            "values. Expected an integer or a name for each pair, and two folds at least."
        )
    return numbered.reshape(-1)
