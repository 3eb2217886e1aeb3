"""Whether an exported file gives what Keras gives."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.embed import l2_normalized

LARGEST = 1e-5  # difference of unit embeddings in float32
LARGEST_AT = {"float32": LARGEST, "float16": 1e-2, "int8": 2.0}  # int8: verification decides
BATCHES = (1, 3, 32)


class Parity(NamedTuple):
    """How far a file and Keras are apart.

    Attributes:
        largest: the largest difference of a component of unit embeddings.
        images: how many were compared.
        batches: in which batch sizes.
        cosine: the least cosine between an embedding by the file and the same by Keras.
    """

    largest: float
    images: int
    batches: tuple[int, ...]
    cosine: float = 1.0


def compare_with_keras(
    function: Callable[[np.ndarray], np.ndarray],
    pixels: np.ndarray,
    expected: np.ndarray,
    largest: float = LARGEST,
    unit: bool = True,
) -> Parity:
    """Compares a file's embeddings with Keras' on the same pixels.

    Args:
        function: the file, opened by its runtime.
        pixels: uint8 `(n, height, width, channels)`; repeated where a batch is larger.
        expected: Keras' embeddings, `(n, dim)`.
        largest: the largest difference of unit embeddings that is no fault.
        unit: whether the file promises vectors of length one; others are scaled for this.

    Raises:
        UserError: if the embeddings differ by more, are not finite, or have another shape.
    """
    worst, cosine = 0.0, 1.0
    for count in BATCHES:
        rows = np.arange(count) % len(pixels)
        embeddings = np.asarray(function(pixels[rows]))
        wanted = l2_normalized(expected[rows])
        if embeddings.shape != wanted.shape or not np.isfinite(embeddings).all():
            raise UserError(
                f"The exported file gives {embeddings.shape} for {count} images, or numbers that "
                f"are not finite. Expected {wanted.shape}, as Keras gives. Nothing was written."
            )
        embeddings = embeddings if unit else l2_normalized(embeddings)
        worst = max(worst, float(np.abs(embeddings - wanted).max()))
        cosine = min(cosine, float(np.vecdot(l2_normalized(embeddings), wanted).min()))
    if worst > largest:
        raise UserError(
            f"The exported file's embeddings differ from Keras' by {worst:.1e}. Expected "
            f"{largest:g} at most. Nothing was written."
        )
    return Parity(worst, len(pixels), BATCHES, cosine)
