"""What one gets without learning: the pixels themselves as a feature vector."""

import numpy as np

SIDE = 28  # an embedding of 784 numbers: sets of a million images still fit


def raw_pixels(pixels: np.ndarray) -> np.ndarray:
    """Gray pixels in a coarse grid, each image's mean taken off.

    Their cosine is the images' correlation.

    Args:
        pixels: uint8 `(n, size, size, 3)`.

    Returns:
        float32 `(n, side * side)`.
    """
    size = pixels.shape[1]
    side = next(side for side in range(min(SIDE, size), 0, -1) if size % side == 0)
    gray = pixels.mean(axis=3, dtype=np.float32)
    cells = gray.reshape(len(gray), side, size // side, side, size // side).mean(axis=(2, 4))
    vectors = cells.reshape(len(gray), -1)
    return vectors - vectors.mean(axis=1, keepdims=True)
