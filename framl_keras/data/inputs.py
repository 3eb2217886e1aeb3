"""Images as people have them: paths, bytes, arrays, PIL images, folders, and any mixture."""

import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from framl_keras.data.files import find_images
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError

EXPECTED = (
    "a path, a folder, bytes of an image file, a PIL image, an array (height, width, 3) of 0…255, "
    "or a list of these"
)
_COLOR_CHANNELS = (1, 3)

Named = tuple[str, Callable[[], Any]]


class InputImages(Sequence[Sample]):
    """Images that are read when they are asked for; each has a name.

    Args:
        names: of the images, for reports and errors.
        readers: for each, a function that gives encoded bytes or RGB pixels.
    """

    def __init__(self, names: Sequence[str], readers: Sequence[Callable[[], Any]]):
        self.names, self._readers = list(names), list(readers)

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def joined(cls, parts: Sequence["InputImages"]) -> "InputImages":
        """Several parts as one."""
        both = [pair for part in parts for pair in part.each()]
        return cls([name for name, _ in both], [read for _, read in both])

    def at(self, positions: Sequence[int]) -> "InputImages":
        """Some of the images."""
        return InputImages(
            [self.names[position] for position in positions],
            [self._readers[position] for position in positions],
        )

    def each(self) -> Iterator[Named]:
        """Every image's name and reader."""
        return zip(self.names, self._readers, strict=True)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return InputImages(self.names[index], self._readers[index])
        return Sample(self._readers[index](), -1, self.names[index])


def input_images(inputs: Any) -> InputImages:
    """All images of an input, in order; the images below a folder in natural order.

    Args:
        inputs: a path, a folder, bytes, an open file, a PIL image, an array or tensor of one
            image `(height, width[, channels])` or of several `(n, height, width, channels)`,
            a `Sample`, or any iterable of these.

    Raises:
        UserError: if a file does not exist, an array is no image, or there is no image at all;
            it says at which position.
        TypeError: if something is of another kind.

    Example:
    >>> images = input_images([np.zeros((4, 4, 3), "uint8"), np.full((2, 4, 4), 255.0)[0]])
    >>> images.names
    ['image 0 (array)', 'image 1 (array)']
    >>> images[1].image.shape
    (4, 4, 3)
    """
    images = next(in_parts(inputs, None), None)
    if images is None:
        raise UserError(f"No images to embed. Expected {EXPECTED}.")
    return images


def one_image(image: Any, name: str) -> InputImages:
    """The only image of an input.

    Args:
        image: see `input_images`.
        name: of the argument, to say which one is wrong.

    Raises:
        UserError: see `input_images`; also if there are several.
    """
    images = input_images(image)
    if len(images) != 1:
        raise UserError(f"`{name}` must be one image. Received: {len(images)} images.")
    return images


def in_parts(inputs: Any, size: int | None) -> Iterator[InputImages]:
    """The images of an input in parts, so that a generator's are not all in memory at once.

    Args:
        inputs: see `input_images`.
        size: images in a part; None for all in one.
    """
    images = _each(inputs)
    while part := list(itertools.islice(images, size)):
        yield InputImages([name for name, _ in part], [read for _, read in part])


def _each(inputs: Any) -> Iterator[Named]:
    """Every image's name and reader."""
    if isinstance(inputs, InputImages):
        yield from inputs.each()
    elif _is_single(inputs):
        yield from _images_of(inputs, 0)
    elif _holds_samples(inputs):  # a source, or the images of a pair set: read when asked for
        are_files = len(inputs) > 0 and _file_of(inputs, 0) is not None
        for index in range(len(inputs)):
            name = (_file_of(inputs, index) if are_files else None) or f"image {index}"
            yield name, lambda index=index: inputs[index].image  # type: ignore[misc]
    elif isinstance(inputs, Iterable) and not isinstance(inputs, dict):
        position = 0
        for item in inputs:
            for found in _images_of(item, position):
                yield found
                position += 1
    else:
        raise TypeError(f"Expected {EXPECTED}. Received: {type(inputs).__name__}")


def _holds_samples(inputs: Any) -> bool:
    """Whether it gives samples by position."""
    if isinstance(inputs, list | tuple | dict) or not hasattr(inputs, "__getitem__"):
        return False
    is_source = hasattr(inputs, "class_names") and hasattr(inputs, "labels")
    is_sequence = isinstance(inputs, Sequence) and len(inputs) > 0
    return is_source or (is_sequence and isinstance(inputs[0], Sample))


def _file_of(source: Any, index: int) -> str | None:
    """The file of a source's sample; None where the source holds the image itself."""
    try:
        return str(source.path_of(index))
    except (AttributeError, UserError):
        return None


def _is_single(value: Any) -> bool:
    kinds = (str, os.PathLike, bytes, bytearray, memoryview, Sample)
    return isinstance(value, kinds) or _is_array(value) or _is_pil(value) or _is_file(value)


def _is_array(value: Any) -> bool:
    """Whether it is an array or a tensor of any backend; an array of paths is none."""
    if not (hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype")):
        return False
    return getattr(value.dtype, "kind", "f") not in "OUS"


def _is_pil(value: Any) -> bool:
    module = sys.modules.get("PIL.Image")  # who has such an image has imported it
    return module is not None and isinstance(value, module.Image)


def _is_file(value: Any) -> bool:
    return callable(getattr(value, "read", None))


def _images_of(item: Any, position: int) -> Iterator[Named]:
    """The images that one item stands for: several for a folder or a batch."""
    where = f"image {position}"
    if isinstance(item, str | os.PathLike):
        yield from _at_path(item, where)
    elif isinstance(item, Sample):
        yield item.key, lambda: item.image
    elif isinstance(item, bytes | bytearray | memoryview):
        content = bytes(item)
        yield f"{where} (bytes)", lambda: content
    elif _is_pil(item):
        name = getattr(item, "filename", "") or f"{where} (PIL image)"
        yield str(name), lambda: _pil_pixels(item, str(name))
    elif _is_array(item):
        yield from _of_array(item, position)
    elif _is_file(item):
        yield f"{where} (file)", _file_content(item, where)
    else:
        raise TypeError(f"{where}: expected {EXPECTED}. Received: {type(item).__name__}")


def _at_path(path: str | os.PathLike[str], where: str) -> Iterator[Named]:
    text = os.fspath(path)
    if "://" in text:
        raise UserError(f"{where}: {text} is an address. Fetch the image first, and pass its path.")
    try:
        files = find_images([text])
    except (OSError, ValueError) as error:  # also a name too long, or with a zero byte
        raise UserError(f"{where}: {error}") from None
    for file in files:
        yield str(file), lambda file=file: read_image_file(file)  # type: ignore[misc]


def _file_content(file: Any, where: str) -> Callable[[], bytes]:
    content = file.read()
    if not isinstance(content, bytes):
        raise TypeError(f"{where}: expected a file opened for bytes (`rb`). Received: text")
    return lambda: content


def _pil_pixels(image: Any, name: str) -> np.ndarray:
    """The RGB pixels of a PIL image, turned as its EXIF says, as files are decoded too."""
    from PIL import ImageOps  # noqa: PLC0415 - it is loaded already, or there is no such image

    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("I;16", "I;16L", "I;16B"):
        return _rgb((np.asarray(upright) >> 8).astype(np.uint8), name)
    if upright.mode in ("I", "F"):
        return _rgb(np.asarray(upright), name)
    return np.array(upright.convert("RGB"))


def _of_array(array: Any, position: int) -> Iterator[Named]:
    """One image, or each of a batch."""
    values = _as_numpy(array)
    if values.ndim == 4:
        for row, pixels in enumerate(values):
            name = f"image {position + row} (array)"
            yield name, lambda pixels=pixels, name=name: _rgb(pixels, name)  # type: ignore[misc]
        return
    name = f"image {position} (array)"
    pixels = _rgb(values, name)  # what is wrong is said before anything is computed
    yield name, lambda: pixels


def _as_numpy(array: Any) -> np.ndarray:
    """A NumPy array of an array or a tensor, wherever it lies."""
    if hasattr(array, "detach"):  # of Torch, which refuses otherwise
        array = array.detach().cpu()
        if "bfloat16" in str(array.dtype):
            array = array.float()
    return np.asarray(array)


def _rgb(pixels: np.ndarray, name: str) -> np.ndarray:
    """Pixels of any accepted kind as RGB uint8 `(height, width, 3)`."""
    image = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if image.ndim != 3 or image.shape[-1] not in _COLOR_CHANNELS or not image.size:
        raise UserError(
            f"{name}: expected pixels (height, width, 3), or 1 channel, or none. Received: shape "
            f"{pixels.shape}. {_shape_remedy(pixels.shape)}"
        )
    image = image if image.dtype == np.uint8 else _as_uint8(image, name)
    return np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))


def _shape_remedy(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] in _COLOR_CHANNELS:
        return "Put the channels last: np.moveaxis(image, 0, -1)."
    if len(shape) == 3 and shape[-1] == 4:
        return "Drop the alpha channel: image[..., :3]."
    return "Several images of one size are (n, height, width, 3)."


def _as_uint8(image: np.ndarray, name: str) -> np.ndarray:
    if image.dtype.kind not in "iuf" and image.dtype.name != "bfloat16":
        raise UserError(f"{name}: expected numbers 0…255. Received: dtype {image.dtype}")
    values = image.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(values).all() and low >= 0 and high <= 255):
        raise UserError(f"{name}: expected pixels 0…255. Received: values {low:g} to {high:g}")
    if image.dtype.kind not in "iu" and 0 < high <= 1:
        raise UserError(
            f"{name}: expected pixels 0…255. Received: values {low:g} to {high:g}, which look "
            "like [0, 1]. Multiply by 255."
        )
    return np.rint(values).astype(np.uint8)
