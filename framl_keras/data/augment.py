"""Random views of training images: what is drawn, and how it is carried out.

All that a view needs is drawn at once, for a whole batch, as sixteen uniform
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
    flip,
    recolor,
    resize,
)
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
        resize_to: the side, or height and width, that images are stretched to before they are
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


class View(NamedTuple):
    """One random view.

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


def draw_views(
    drawn: np.ndarray, size: Size, options: Augment, central_crop: bool
) -> Iterator[View]:
    """The views that rows of uniform numbers stand for.

    Args:
        drawn: numbers in [0, 1), `(n, UNIFORMS)`.
        size: side of the views in pixels, or height and width.
        options: how much is done.
        central_crop: crops the middle instead of anywhere.
    """
    room = np.subtract(sides(options.resize_to), sides(size))
    corners = (drawn[:, [_TOP, _LEFT]] * (room + 1)).astype(np.int64)
    if central_crop:
        corners[:] = room // 2
    mirrored = options.flip & (drawn[:, _FLIP] < 0.5)
    gains = np.exp(options.contrast * _signed(drawn[:, _CONTRAST]))
    yield from map(
        View,
        map(tuple, corners.tolist()),
        mirrored.tolist(),
        _colors(drawn, gains, options),
        gains.tolist(),
        _motions(drawn, options),
        _hidden(drawn, size, options),
    )


def augment(
    image: np.ndarray,
    size: Size,
    options: Augment,
    rng: np.random.Generator,
    central_crop: bool = False,
) -> np.ndarray:
    """A random training view of an image, `(height, width, 3)`.

    Args:
        image: RGB uint8, any size.
        size: the side of the result, or height and width, at most `options.resize_to`.
        options: how much is done.
        rng: where the randomness comes from.
        central_crop: crops the middle instead of anywhere, as FRAML's `is_ccrop` means.
    """
    (view,) = draw_views(rng.random((1, UNIFORMS)), size, options, central_crop)
    out = np.empty((*sides(size), 3), dtype=np.uint8)
    render(image, view, Scratch(size, options.resize_to), out)
    return out


class Scratch:
    """Memory for the steps of rendering, used again for each image of a batch.

    Fresh memory for each costs as much as the steps themselves.

    Args:
        size: side of the views in pixels, or height and width.
        resize_to: the size that images are stretched to first.
    """

    def __init__(self, size: Size, resize_to: Size):
        self.decoded = np.empty(_DECODED, dtype=np.uint8)  # untouched pages cost nothing
        self.stretched = np.empty((*sides(resize_to), 3), dtype=np.uint8)
        self.cropped = np.empty((*sides(size), 3), dtype=np.uint8)


def render(image: np.ndarray, view: View, scratch: Scratch, out: np.ndarray) -> None:
    """Writes an image as a view shows it.

    Args:
        image: RGB uint8, any size.
        view: what to do.
        scratch: memory to work in; it says the sizes.
        out: where the result goes, uint8 `(height, width, 3)`, contiguous.
    """
    image = resize(image, scratch.stretched.shape[:2], scratch.stretched)
    if view.motion is not None:
        degrees, zoom, *shift = view.motion
        image = affine(image, degrees, zoom, (shift[0], shift[1]))
    (top, left), (height, width) = view.corner, out.shape[:2]
    image = image[top : top + height, left : left + width]
    target = out if view.colors is None else scratch.cropped
    if view.mirrored:
        flip(image, target)
    else:
        np.copyto(target, image)
    if view.colors is not None:
        recolor(target, view.colors, view.gain, out)
    if view.hidden is not None:
        erase(out, view.hidden[:4], view.hidden[4])


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
