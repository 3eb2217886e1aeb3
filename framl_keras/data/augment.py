"""Random variations of training images: what is drawn, and how it is carried out.

All that a variation needs is drawn at once, for a whole batch, as sixteen uniform
numbers a sample. Which of them are used depends on the options, so switching
one part on does not change what another draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from framl_keras.data.transforms import (
    affine,
    color_matrices,
    erase,
    fitted,
    flip,
    recolor,
    to_gray,
)
from framl_keras.data.view import View
from framl_keras.types import Size, sides

UNIFORMS = 16
_DECODED = 1 << 20  # bytes; larger images are decoded into memory of their own
_BLOCK = 4  # numbers that Philox makes at a time
_TOP, _LEFT, _FLIP, _SATURATION, _CONTRAST, _BRIGHTNESS = range(6)
_DEGREES, _SCALE, _RIGHT, _DOWN = range(6, 10)
_ERASE, _TALL, _WIDE, _ERASE_TOP, _ERASE_LEFT, _GREY = range(10, 16)


@dataclass(frozen=True)
class Augment:
    """What is done to each training image, at random; 0 or False turns a part off.

    Attributes:
        resize_to: the side, or height and width, that images are fitted to before they are
            cropped.
        flip: whether half of the images are mirrored.
        degrees: largest rotation either way.
        scale: the zoom lies within `exp(±scale)`.
        shift: largest move either way, as a part of the image's side.
        saturation: colors are scaled about their gray by `1 ± saturation`.
        contrast: pixels are scaled about the image's mean by `exp(±contrast)`.
        brightness: up to this part of the full range is added or taken.
        erase: probability that a rectangle of an eighth to two fifths of each side is hidden.
    """

    resize_to: Size = 128
    flip: bool = True
    degrees: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    saturation: float = 0.4
    contrast: float = 0.0
    brightness: float = 0.4
    erase: float = 0.0


class Variation(NamedTuple):
    """What is done to one training image.

    Attributes:
        corner: top and left of the crop.
        mirrored: whether it is mirrored.
        colors: see `recolor`, as is `gain`; None leaves colors as they are.
        gain: contrast.
        motion: degrees, zoom, move to the right, move down; None leaves the image in place.
        hidden: top, left, height, width and gray of a rectangle, or None.
    """

    corner: tuple[int, int]
    mirrored: bool
    colors: np.ndarray | None
    gain: float
    motion: tuple[float, float, float, float] | None
    hidden: tuple[int, int, int, int, int] | None


def uniforms(seed: int, first: int, count: int) -> np.ndarray:
    """Numbers in [0, 1) for samples `first`, `first + 1`, …, float64 `(count, UNIFORMS)`.

    Row `i` is a function of (seed, `first + i`) alone: Philox counts, and each
    sample has counts of its own.
    """
    counter = first * (UNIFORMS // _BLOCK)
    raw = np.random.Philox(key=[seed, 0], counter=[counter, 0, 0, 0]).random_raw(count * UNIFORMS)
    return ((raw >> np.uint64(11)) * 2.0**-53).reshape(count, UNIFORMS)


def variations(drawn: np.ndarray, view: View, options: Augment) -> Iterator[Variation]:
    """What rows of uniform numbers stand for.

    Args:
        drawn: numbers in [0, 1), `(n, UNIFORMS)`.
        view: how images are seen; with `central_crop` the middle is cropped, not anywhere.
        options: how much is done.
    """
    room = np.subtract(sides(options.resize_to), sides(view.size))
    corners = (drawn[:, [_TOP, _LEFT]] * (room + 1)).astype(np.int64)
    if view.central_crop:
        corners[:] = room // 2
    mirrored = options.flip & (drawn[:, _FLIP] < 0.5)
    gains = np.exp(options.contrast * _signed(drawn[:, _CONTRAST]))
    yield from map(
        Variation,
        map(tuple, corners.tolist()),
        mirrored.tolist(),
        _colors(drawn, gains, options),
        gains.tolist(),
        _motions(drawn, options),
        _hidden(drawn, view.size, options),
    )


def augment(
    image: np.ndarray, view: View, options: Augment, rng: np.random.Generator
) -> np.ndarray:
    """A training image at random, uint8, of `view.shape`.

    Args:
        image: RGB uint8, any size.
        view: how images are seen, at most `options.resize_to` large.
        options: how much is done.
        rng: where the randomness comes from.
    """
    (variation,) = variations(rng.random((1, UNIFORMS)), view, options)
    out = np.empty((*sides(view.size), 3), dtype=np.uint8)
    render(image, variation, Scratch(view, options.resize_to), out)
    return to_gray(out) if view.channels == 1 else out


class Scratch:
    """Memory for the steps of rendering, used again for each image of a batch.

    Fresh memory for each costs as much as the steps themselves.

    Args:
        view: how images are seen.
        resize_to: the size that images are fitted to first.
    """

    def __init__(self, view: View, resize_to: Size):
        self.aspect_ratio = view.aspect_ratio
        self.decoded = np.empty(_DECODED, dtype=np.uint8)  # untouched pages cost nothing
        self.fitted = np.empty((*sides(resize_to), 3), dtype=np.uint8)
        self.cropped = np.empty((*sides(view.size), 3), dtype=np.uint8)


def render(image: np.ndarray, variation: Variation, scratch: Scratch, out: np.ndarray) -> None:
    """Writes a variation of an image.

    Args:
        image: RGB uint8, any size.
        variation: what to do.
        scratch: memory to work in; it says the sizes.
        out: where the result goes, uint8 `(height, width, 3)`, contiguous.
    """
    room = scratch.fitted
    image = fitted(image, room.shape[:2], scratch.aspect_ratio, room)
    if variation.motion is not None:
        degrees, zoom, *shift = variation.motion
        image = affine(image, degrees, zoom, (shift[0], shift[1]))
    (top, left), (height, width) = variation.corner, out.shape[:2]
    image = image[top : top + height, left : left + width]
    target = out if variation.colors is None else scratch.cropped
    if variation.mirrored:
        flip(image, target)
    else:
        np.copyto(target, image)
    if variation.colors is not None:
        recolor(target, variation.colors, variation.gain, out)
    if variation.hidden is not None:
        erase(out, variation.hidden[:4], variation.hidden[4])


def _signed(drawn: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) moved to [-1, 1)."""
    return 2 * drawn - 1


def _colors(drawn: np.ndarray, gains: np.ndarray, options: Augment) -> list[np.ndarray | None]:
    if not (options.saturation or options.contrast or options.brightness):
        return [None] * len(drawn)
    saturation = 1 + options.saturation * _signed(drawn[:, _SATURATION])
    offset = 255 * options.brightness * _signed(drawn[:, _BRIGHTNESS])
    return list(color_matrices(saturation, gains, offset))


def _motions(drawn: np.ndarray, options: Augment) -> list[tuple[float, float, float, float] | None]:
    if not (options.degrees or options.scale or options.shift):
        return [None] * len(drawn)
    degrees = options.degrees * _signed(drawn[:, _DEGREES])
    zoom = np.exp(options.scale * _signed(drawn[:, _SCALE]))
    right, down = options.shift * _signed(drawn[:, [_RIGHT, _DOWN]]).T
    return [tuple(row) for row in np.column_stack([degrees, zoom, right, down]).tolist()]


def _hidden(
    drawn: np.ndarray, size: Size, options: Augment
) -> list[tuple[int, int, int, int, int] | None]:
    if not options.erase:
        return [None] * len(drawn)
    whole = np.array(sides(size))
    least, most = whole // 8, 2 * whole // 5
    extent = least + (drawn[:, [_TALL, _WIDE]] * (most - least)).astype(np.int64)
    corner = (drawn[:, [_ERASE_TOP, _ERASE_LEFT]] * (whole - extent + 1)).astype(np.int64)
    gray = (256 * drawn[:, _GREY]).astype(np.int64)
    boxes = np.column_stack([corner, extent, gray]).tolist()
    erased = (drawn[:, _ERASE] < options.erase).tolist()
    return [tuple(box) if hide else None for box, hide in zip(boxes, erased, strict=True)]
