"""Which fold each pair belongs to."""

import numpy as np

from framl_keras.errors import UserError

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


def folds_or_consecutive(folds: np.ndarray | None, num_pairs: int) -> np.ndarray:
    """The given folds numbered from 0, or up to ten consecutive ones.

    Raises:
        UserError: if the given folds do not fit the pairs, or are all the same.
    """
    if folds is None:
        return consecutive_folds(num_pairs, min(FOLDS, max(2, num_pairs)))
    names, numbered = np.unique(folds, return_inverse=True)
    if folds.shape != (num_pairs,) or len(names) < 2:
        raise UserError(
            f"{num_pairs} pairs but folds of shape {folds.shape} with {len(names)} values. "
            "Expected one fold for each pair, and two folds at least."
        )
    return numbered.reshape(-1)
