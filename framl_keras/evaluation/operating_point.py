"""What a threshold decides: counts of right and wrong, and the rates made of them."""

from typing import NamedTuple

import numpy as np


class Confusion(NamedTuple):
    """Counts at one or more thresholds; all arrays have the same shape.

    Attributes:
        tp: same-pairs taken for same.
        fp: different-pairs taken for same.
        tn: different-pairs taken for different.
        fn: same-pairs taken for different.
    """

    tp: np.ndarray
    fp: np.ndarray
    tn: np.ndarray
    fn: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Right decisions among all."""
        return rate(self.tp + self.tn, self.tp + self.fp + self.tn + self.fn)

    @property
    def balanced_accuracy(self) -> np.ndarray:
        """Mean of recall and specificity; the one that there is where the other has no pairs."""
        rates = self.recall + self.specificity
        kinds = (self.tp + self.fn > 0).astype(int) + (self.fp + self.tn > 0)
        return rate(rates, kinds)

    @property
    def recall(self) -> np.ndarray:
        """Same-pairs found, the true positive rate; 0 where there is none, as FRAML has it."""
        return rate(self.tp, self.tp + self.fn)

    @property
    def false_positive_rate(self) -> np.ndarray:
        """Different-pairs taken for same; 0 where there is none."""
        return rate(self.fp, self.fp + self.tn)

    @property
    def specificity(self) -> np.ndarray:
        """Different-pairs told to be different; 0 where there is none."""
        return rate(self.tn, self.fp + self.tn)

    @property
    def precision(self) -> np.ndarray:
        """Same-pairs among those taken for same; 0 where none is."""
        return rate(self.tp, self.tp + self.fp)

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall."""
        return rate(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    def total(self) -> "Confusion":
        """The counts added up."""
        return Confusion(*(np.sum(counts) for counts in self))


def rate(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """`part / whole`, 0 where `whole` is."""
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def confusion_by_fold(
    distance: np.ndarray, is_same: np.ndarray, fold: np.ndarray, thresholds: np.ndarray
) -> Confusion:
    """Counts of each fold at its own threshold, `(num_folds,)`.

    Args:
        distance: `(num_pairs,)`; less than the threshold means same.
        is_same: bool `(num_pairs,)`.
        fold: integers from 0 `(num_pairs,)`.
        thresholds: `(num_folds,)`.
    """
    accepted = distance < thresholds[fold]
    count = len(thresholds)
    tp = np.bincount(fold[accepted & is_same], minlength=count)
    fp = np.bincount(fold[accepted & ~is_same], minlength=count)
    same = np.bincount(fold[is_same], minlength=count)
    different = np.bincount(fold[~is_same], minlength=count)
    return Confusion(tp, fp, different - fp, same - tp)
