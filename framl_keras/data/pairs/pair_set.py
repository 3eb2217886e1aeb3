"""What every verification format looks like to the rest of the package."""

from dataclasses import dataclass

import numpy as np

from framl_keras.data.sources.source import Images
from framl_keras.errors import UserError


@dataclass(frozen=True)
class PairSet:
    """Pairs of images, each known to show the same identity or two different ones.

    Attributes:
        name: what the report calls the set.
        images: random access to the images; `label` is the identity, or -1 if unknown.
        pairs: int64 `(num_pairs, 2)`, positions in `images`.
        is_same: bool `(num_pairs,)`.
        folds: int64 `(num_pairs,)`, or None for folds of consecutive pairs.
        balanced: whether same-pairs and different-pairs weigh alike in accuracies, however
            many there are of each.

    Raises:
        UserError: if the arrays do not fit together.
    """

    name: str
    images: Images
    pairs: np.ndarray
    is_same: np.ndarray
    folds: np.ndarray | None = None
    balanced: bool = False

    def __post_init__(self) -> None:
        if self.pairs.ndim != 2 or self.pairs.shape[1] != 2:
            raise UserError(f"{self.name}: expected pairs of shape (n, 2), not {self.pairs.shape}.")
        if self.is_same.shape != (len(self.pairs),):
            raise UserError(
                f"{self.name}: {len(self.pairs)} pairs but {self.is_same.size} answers. "
                "Expected one answer for each pair."
            )
        if len(self.pairs) and not 0 <= self.pairs.min() <= self.pairs.max() < len(self.images):
            raise UserError(
                f"{self.name}: a pair names image {self.pairs.max()} of {len(self.images)}. "
                "Expected positions within the images."
            )

    def __len__(self) -> int:
        return len(self.pairs)


def pairs_in_order(name: str, images: Images, is_same: np.ndarray, where: str) -> PairSet:
    """The set in which images 0 and 1, 2 and 3, … are pairs.

    Args:
        name: what the report calls the set.
        images: two for each pair.
        is_same: bool `(num_pairs,)`.
        where: the file that it comes from, for messages.

    Raises:
        UserError: if there are not two images for each answer, or no pair at all.
    """
    if len(images) % 2 or len(images) != 2 * len(is_same) or not len(is_same):
        raise UserError(
            f"{where}: {len(images)} images and {len(is_same)} answers. Expected two images for "
            "each answer; restore the file."
        )
    pairs = np.arange(len(images), dtype=np.int64).reshape(-1, 2)
    return PairSet(name, images, pairs, is_same)
