"""ArcFace's template: where the five landmarks lie in an aligned image, and the way there."""

from typing import Any, Literal, NamedTuple

import cv2
import numpy as np

from framl_keras.optional import require

TEMPLATE_NAME = "arcface-112"
SIDE = 112  # of the template
# Positions in a 112 x 112 image, in the order of `face.LANDMARKS`.
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
WORST_FIT = 12.0  # pixels of the template; faces have 2.6 to 7.8, mirrored landmarks 22.6

Border = Literal["constant", "replicate", "reflect"]
BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
}


class Fit(NamedTuple):
    """The similarity transform from a photo to the template.

    Attributes:
        matrix: from the photo's pixels to the aligned image's, `(2, 3)`.
        rms: how far the landmarks are from the template afterwards: the root of the mean squared
            distance, in pixels of a 112 x 112 image.
    """

    matrix: np.ndarray
    rms: float


def template(size: int | tuple[int, int] = SIDE) -> np.ndarray:
    """The template's landmarks in an image of another size, `(5, 2)`.

    Args:
        size: the side, or height and width; the template is scaled to the shorter and centered.

    Example:
    >>> from framl_keras.photos import template
    >>> template(224)[0].round(2).tolist()
    [76.59, 103.39]
    """
    height, width = (size, size) if isinstance(size, int) else size
    short = min(height, width)
    return TEMPLATE * short / SIDE + [(width - short) / 2, (height - short) / 2]


def fit(landmarks: np.ndarray, size: int | tuple[int, int] = SIDE) -> Fit | None:
    """The least-squares similarity transform that brings landmarks to the template.

    Args:
        landmarks: x and y in the photo, `(5, 2)`.
        size: of the aligned image; see `template`.

    Returns:
        The fit, or None where there is none: landmarks that are not finite or all in one place.

    Raises:
        ValueError: if the landmarks are not of that shape.
        UserError: if scikit-image is not installed.

    Reference:
    - Umeyama, "Least-squares estimation of transformation parameters between two point
      patterns", TPAMI 1991

    Example:
    >>> found = fit(2 * template(112) + 7)  # a face twice as large, elsewhere  # doctest: +SKIP
    >>> round(found.rms, 6)  # doctest: +SKIP
    0.0
    """
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2):
        raise ValueError(f"`landmarks` must be five points, (5, 2). Received: shape {points.shape}")
    goal = template(size)
    if not np.isfinite(points).all() or np.ptp(points, axis=0).max() < 1e-6:
        return None
    transform = _similarity()
    estimate = transform.from_estimate(points, goal)
    if not estimate or not np.isfinite(estimate.params).all():
        return None
    matrix = np.asarray(estimate.params[:2], dtype=np.float64)
    off = points @ matrix[:, :2].T + matrix[:, 2] - goal
    scale = SIDE / (size if isinstance(size, int) else min(size))
    return Fit(matrix, float(scale * np.sqrt(np.square(off).sum(axis=1).mean())))


def warp(
    image: np.ndarray,
    matrix: np.ndarray,
    size: int | tuple[int, int] = SIDE,
    border: Border = "constant",
) -> np.ndarray:
    """The part of a photo that a transform brings into an image of `size`.

    A photo that becomes much smaller is shrunk by whole factors first, each pixel being the mean
    of those that it covers, so that nothing aliases.

    Args:
        image: RGB uint8, `(height, width, 3)`.
        matrix: from the photo to the result, `(2, 3)`.
        size: of the result.
        border: what lies beyond the photo: black, its edge repeated, or its mirror image.

    Example:
    >>> photo = np.zeros((200, 300, 3), np.uint8)
    >>> warp(photo, np.array([[0.5, 0, 0], [0, 0.5, 0]]), 96).shape
    (96, 96, 3)
    """
    height, width = (size, size) if isinstance(size, int) else size
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    factor = max(1, int(0.75 / max(scale, 1e-9)))
    factor = min(factor, *image.shape[:2])
    if factor > 1:
        small = (image.shape[1] // factor, image.shape[0] // factor)
        grown = np.array([image.shape[1] / small[0], image.shape[0] / small[1]])
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        shift = (grown - 1) / 2  # a small pixel's center in the photo
        matrix = np.column_stack([matrix[:, :2] * grown, matrix[:, 2] + matrix[:, :2] @ shift])
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=BORDERS[border]
    )


def _similarity() -> Any:
    transforms = require("skimage.transform", "photos", "Aligning photos")
    return transforms.SimilarityTransform
