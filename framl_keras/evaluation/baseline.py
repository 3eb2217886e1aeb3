"""What one gets without learning: the pixels themselves as a feature vector."""

import numpy as np

SIDE = 28  # an embedding of 784 numbers: sets of a million images still fit


def raw_pixels(pixels: np.ndarray) -> np.ndarray:
    """Gray pixels in a coarse grid, each image's mean taken off.

    Their cosine is the images' correlation.

    Args:
        pixels: uint8 `(n, height, width, channels)`.

    Returns:
        float32 `(n, cells)`, at most SIDE by SIDE of them.
    """
    height, width = pixels.shape[1:3]
    rows, columns = _cells(height), _cells(width)
    gray = pixels.mean(axis=3, dtype=np.float32)
    cells = gray.reshape(len(gray), rows, height // rows, columns, width // columns)
    cells = cells.mean(axis=(2, 4))
    vectors = cells.reshape(len(gray), -1)
    return vectors - vectors.mean(axis=1, keepdims=True)


def _cells(side: int) -> int:
    """How many equal parts a side is cut into."""
    return next(cells for cells in range(min(SIDE, side), 0, -1) if side % cells == 0)
