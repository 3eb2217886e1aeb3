"""How much two ways of computing the same embeddings differ."""

from collections.abc import Callable

import keras
import numpy as np


def largest_difference(
    embedder: keras.Model, reference: Callable[[np.ndarray], np.ndarray], images: int = 2
) -> float:
    """The largest difference between embeddings of length 1, over smooth random images.

    Args:
        embedder: from pixels to embeddings.
        reference: the same from RGB pixels `(batch, size, size, 3)`, float32.
        images: how many to compare.
    """
    pixels = random_images(images, embedder.input_shape[1])
    ours = embedder.predict_on_batch(pixels)
    return float(np.abs(_unit(ours) - _unit(reference(pixels))).max())


def random_images(count: int, size: int) -> np.ndarray:
    """Images whose channels differ and vary at all scales: float32 `(count, size, size, 3)`."""
    rng = np.random.default_rng(0)
    images = np.zeros((count, size, size, 3))
    for cells in (1, 2, 4, 16, size):
        coarse = rng.normal(size=(count, cells, cells, 3))
        index = np.arange(size) * cells // size
        images += coarse[:, index][:, :, index]
    return np.clip(127.5 + 40 * images, 0, 255).round().astype(np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
