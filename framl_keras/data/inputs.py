"""Images as people have them: paths, bytes, arrays, PIL images, folders, and any mixture."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from framl_keras.data.files import find_images
from framl_keras.data.pixels import as_numpy, is_array, is_pil, pil_pixels, rgb
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError

EXPECTED = (
    "a path, a folder, bytes of an image file, a PIL image, an array (height, width, 3) of 0…255, "
    "or a list of these"
)

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
            for image in _images_of(item, position):
                yield image
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
    return isinstance(value, kinds) or is_array(value) or is_pil(value) or _is_file(value)


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
    elif is_pil(item):
        name = getattr(item, "filename", "") or f"{where} (PIL image)"
        yield str(name), lambda: pil_pixels(item, str(name))
    elif is_array(item):
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


def _of_array(array: Any, position: int) -> Iterator[Named]:
    """One image, or each of a batch."""
    values = as_numpy(array)
    if values.ndim == 4:
        for row, pixels in enumerate(values):
            name = f"image {position + row} (array)"
            yield name, lambda pixels=pixels, name=name: rgb(pixels, name)  # type: ignore[misc]
        return
    name = f"image {position} (array)"
    pixels = rgb(values, name)  # what is wrong is said before anything is computed
    yield name, lambda: pixels
