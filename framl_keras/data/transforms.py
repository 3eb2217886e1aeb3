"""From encoded bytes to the pixels that a model sees: pure functions of (image, rng).

Images are RGB, `(height, width, 3)`, uint8, in and out. Randomness comes in as
`rng`, so what comes out depends on nothing else.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError


def decode(sample: Sample) -> np.ndarray:
    """The RGB pixels of a sample; grey images get three equal channels.

    Raises:
        UserError: if the bytes are not an image that OpenCV can read.
    """
    if isinstance(sample.image, np.ndarray):
        return sample.image
    data = np.frombuffer(sample.image, dtype=np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
    if image is None:
        raise UserError(
            f"{sample.key}: not a readable image ({len(data)} bytes). Expected JPEG, PNG, PGM, "
            "BMP or WebP; remove or replace it."
        )
    return image


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """The image stretched to `(size, size)`, averaging where it shrinks."""
    height, width = image.shape[:2]
    if height == width == size:
        return image
    shrinks = min(height, width) > size
    return cv2.resize(
        image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def central_crop(image: np.ndarray, size: int) -> np.ndarray:
    """The middle `(size, size)` pixels of an image at least that large."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def random_crop(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """`(size, size)` pixels from anywhere in an image at least that large."""
    top = rng.integers(image.shape[0] - size + 1)
    left = rng.integers(image.shape[1] - size + 1)
    return image[top : top + size, left : left + size]


def random_flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The image, or its mirror image half of the time."""
    return image[:, ::-1] if rng.random() < 0.5 else image


def random_affine(
    image: np.ndarray,
    degrees: float,
    scale: float,
    shift: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Turns, zooms and moves the image about its centre, repeating its border.

    Args:
        image: the image.
        degrees: largest rotation either way.
        scale: the zoom lies within `exp(±scale)`.
        shift: largest move either way, as a part of the image's side.
        rng: where the randomness comes from.
    """
    height, width = image.shape[:2]
    angle, log_zoom = rng.uniform(-degrees, degrees), rng.uniform(-scale, scale)
    move = rng.uniform(-shift, shift, size=2)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, math.exp(log_zoom))
    matrix[:, 2] = matrix[:, 2] + move * (width, height)
    return cv2.warpAffine(
        image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def random_colour(
    image: np.ndarray,
    saturation: float,
    contrast: float,
    brightness: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Changes saturation, contrast and brightness in one pass over the pixels.

    Args:
        image: the image.
        saturation: colours are scaled about their grey by `1 ± saturation`.
        contrast: pixels are scaled about the image's mean by `exp(±contrast)`.
        brightness: up to this part of the full range is added or taken.
        rng: where the randomness comes from.
    """
    colour = 1 + rng.uniform(-saturation, saturation)
    gain = math.exp(rng.uniform(-contrast, contrast))
    offset = 255 * rng.uniform(-brightness, brightness)
    luma = np.array([[0.299, 0.587, 0.114]], dtype=np.float64)
    mix = gain * (colour * np.eye(3) + (1 - colour) * np.repeat(luma, 3, axis=0))
    mean = 0.0 if gain == 1 else float(luma[0] @ cv2.mean(image)[:3])
    shift = np.full((3, 1), (1 - gain) * mean + offset)
    return cv2.transform(image, np.hstack([mix, shift]))  # saturates to 0…255


def random_erase(image: np.ndarray, probability: float, rng: np.random.Generator) -> np.ndarray:
    """With `probability`, hides a rectangle of an eighth to two fifths of each side.

    Reference:
    - Zhong et al., "Random Erasing Data Augmentation", AAAI 2020
    """
    if rng.random() >= probability:
        return image
    height, width = image.shape[:2]
    tall, wide = rng.integers((height // 8, width // 8), (2 * height // 5, 2 * width // 5))
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    erased = image.copy()
    erased[top : top + tall, left : left + wide] = rng.integers(256)
    return erased


@dataclass(frozen=True)
class Augment:
    """What is done to each training image, at random; 0 or False turns a part off.

    Attributes:
        resize_to: the side that images are stretched to before they are cropped.
        flip: whether half of the images are mirrored.
        degrees: see `random_affine`, as are `scale` and `shift`.
        saturation: see `random_colour`, as are `contrast` and `brightness`.
        erase: see `random_erase`.
    """

    resize_to: int = 128
    flip: bool = True
    degrees: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    saturation: float = 0.4
    contrast: float = 0.0
    brightness: float = 0.4
    erase: float = 0.0


def augment(
    image: np.ndarray,
    size: int,
    options: Augment,
    rng: np.random.Generator,
    crop_centre: bool = False,
) -> np.ndarray:
    """A random training view of an image, `(size, size, 3)`.

    Args:
        image: RGB uint8, any size.
        size: the side of the result, at most `options.resize_to`.
        options: how much is done.
        rng: where the randomness comes from.
        crop_centre: crops the middle instead of anywhere, as FRAML's `is_ccrop` means.
    """
    image = resize(image, options.resize_to)
    if options.degrees or options.scale or options.shift:
        image = random_affine(image, options.degrees, options.scale, options.shift, rng)
    image = central_crop(image, size) if crop_centre else random_crop(image, size, rng)
    if options.flip:
        image = random_flip(image, rng)
    if options.saturation or options.contrast or options.brightness:
        image = random_colour(image, options.saturation, options.contrast, options.brightness, rng)
    if options.erase:
        image = random_erase(image, options.erase, rng)
    return image


def view(
    image: np.ndarray, size: int, crop_centre: bool = False, resize_to: int = 128
) -> np.ndarray:
    """The one view of an image used in verification, `(size, size, 3)`.

    Args:
        image: RGB uint8, any size.
        size: the side of the result.
        crop_centre: stretches to `resize_to` first and keeps the middle, as FRAML does.
        resize_to: see `crop_centre`.
    """
    return central_crop(resize(image, resize_to), size) if crop_centre else resize(image, size)
