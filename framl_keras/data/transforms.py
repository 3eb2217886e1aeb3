"""What is done to pixels: pure functions, nothing random.

Images are RGB, `(height, width, 3)`, uint8, in and out. What is drawn at random
stands in `augment.py`.
"""

import cv2
import numpy as np

from framl_keras.data.decode import decode
from framl_keras.types import Size, sides

__all__ = [
    "ASPECT_RATIOS", "LUMA", "affine", "color_matrices", "crop_middle", "decode", "erase",
    "fitted", "flip", "recolor", "resize", "to_gray",
]  # fmt: skip

ASPECT_RATIOS = ("stretch", "pad", "crop")  # see `fitted`; the first is FRAML's

LUMA = np.array([0.299, 0.587, 0.114])


def resize(image: np.ndarray, size: Size, out: np.ndarray | None = None) -> np.ndarray:
    """The image stretched to `size`, averaging where it shrinks.

    Args:
        image: the image.
        size: side of the result, or height and width.
        out: where the result is written, unless the image has that size already.
    """
    (height, width), (rows, columns) = image.shape[:2], sides(size)
    if (height, width) == (rows, columns):
        return image
    shrinks = height > rows and width > columns
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (columns, rows), dst=out, interpolation=method)


def crop_middle(image: np.ndarray, size: Size) -> np.ndarray:
    """The middle pixels of an image at least as large as `size`."""
    height, width = sides(size)
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def flip(image: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """The mirror image, contiguous."""
    return cv2.flip(image, 1, dst=out)  # many times faster than a copy with a negative stride


def affine(
    image: np.ndarray, degrees: float, zoom: float, shift: tuple[float, float]
) -> np.ndarray:
    """Turns, zooms and moves the image about its center, repeating its border.

    Args:
        image: the image.
        degrees: rotation, counter-clockwise.
        zoom: what its side is multiplied with.
        shift: move to the right and down, in parts of its side.
    """
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, zoom)
    matrix[:, 2] = matrix[:, 2] + np.multiply(shift, (width, height))
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def recolor(
    image: np.ndarray, matrix: np.ndarray, gain: float = 1.0, out: np.ndarray | None = None
) -> np.ndarray:
    """Mixes the channels by `matrix`, and scales contrast about the image's mean.

    The pixels must be contiguous: OpenCV is ten times slower otherwise.

    Args:
        image: the image.
        matrix: float32 `(3, 4)`; see `color_matrices`.
        gain: the contrast that `matrix` holds already; 1 leaves it as it is.
        out: where the result is written.
    """
    if gain != 1.0:
        matrix = matrix.copy()
        matrix[:, 3] += (1 - gain) * float(LUMA @ cv2.mean(image)[:3])
    return cv2.transform(image, matrix, dst=out)  # saturates to 0…255


def color_matrices(saturation: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """The linear maps of colors that change saturation, contrast and brightness.

    `p -> gain * (saturation * p + (1 - saturation) * luma(p)) + offset`

    Args:
        saturation: colors are scaled about their gray by this, `(n,)`.
        gain: pixels are scaled by this, `(n,)`.
        offset: this is added to pixels in 0…255, `(n,)`.

    Returns:
        float32 `(n, 3, 4)`; the last column is added.
    """
    saturation, gain = saturation[:, None, None], gain[:, None, None]
    mix = gain * (saturation * np.eye(3) + (1 - saturation) * LUMA)
    shift = np.broadcast_to(offset[:, None, None], (len(offset), 3, 1))
    return np.concatenate([mix, shift], axis=2).astype(np.float32)


def erase(image: np.ndarray, box: tuple[int, int, int, int], value: int) -> None:
    """Hides `box` (top, left, height, width) under one gray, in place.

    Reference:
    - Zhong et al., "Random Erasing Data Augmentation", AAAI 2020
    """
    top, left, height, width = box
    image[top : top + height, left : left + width] = value


def fitted(
    image: np.ndarray, size: Size, aspect_ratio: str = "stretch", out: np.ndarray | None = None
) -> np.ndarray:
    """The image at `size`.

    Args:
        image: RGB uint8, any size.
        size: side of the result, or height and width.
        aspect_ratio: `stretch` changes the image's proportions, `pad` centers it between black
            borders, `crop` keeps as much of its middle as has the right ones.
        out: where the result may be written.
    """
    if aspect_ratio == "stretch":
        return resize(image, size, out)
    (height, width), (rows, columns) = image.shape[:2], sides(size)
    if aspect_ratio == "crop":
        tall = min(height, max(1, round(width * rows / columns)))
        wide = min(width, max(1, round(height * columns / rows)))
        return resize(crop_middle(image, (tall, wide)), size, out)
    scale = min(rows / height, columns / width)
    tall, wide = (max(1, round(side * scale)) for side in (height, width))
    padded = np.zeros((rows, columns, 3), dtype=np.uint8) if out is None else out
    padded[:] = 0
    top, left = (rows - tall) // 2, (columns - wide) // 2
    padded[top : top + tall, left : left + wide] = resize(image, (tall, wide))
    return padded


def to_gray(images: np.ndarray) -> np.ndarray:
    """RGB `(..., height, width, 3)` in gray, `(..., height, width, 1)`, by OpenCV's weights."""
    flat = np.ascontiguousarray(images).reshape(-1, images.shape[-2], 3)
    gray = cv2.cvtColor(flat, cv2.COLOR_RGB2GRAY)
    return gray.reshape(*images.shape[:-1], 1)
