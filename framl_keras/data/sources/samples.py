"""Data sets that are there in Python: Torch's, TensorFlow's, Hugging Face's, lists of samples."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.pixels import as_numpy, is_array, is_pil, pil_pixels, rgb
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError

IMAGES = ("image", "img", "pixels", "path")
LABELS = ("label", "labels", "identity", "target", "fine_label")
_NO_SAMPLES = (str, bytes, bytearray, Mapping)

Read = Callable[[int], Any]


class Samples(Source):
    """Images with labels out of a data set that is there in Python.

    Args:
        data: samples `(image, label)`, or mappings with an `image` and a `label`: a sequence, a
            Torch data set, one of Hugging Face's, or any iterable, such as a
            `tf.data.Dataset`, batched or not; or two arrays `(images, labels)`. Images are what
            `Embedder.embed` takes; labels are whole numbers from 0, or text.
            What has no positions is read once, and held in memory.

    Raises:
        UserError: if there is no sample, or one is no image with a label; it says which one.

    Example:
    >>> images = np.zeros((4, 32, 32, 3), "uint8")
    >>> Samples(zip(images, ["ada", "eve", "ada", "eve"])).class_names
    ['ada', 'eve']
    """

    def __init__(self, data: Any):
        self.kind = type(data).__name__
        self._read, given = self._opened(data)
        if not given:
            raise UserError(f"{self.kind}: no samples. Expected (image, label), one or more.")
        names = _names_of(data)
        classes = [self._class_of(index, label, names) for index, label in enumerate(given)]
        self.class_names = sorted(set(classes), key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self.labels = np.array([position[name] for name in classes], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        key = self._said(index)
        return Sample(_pixels(self._read(index), key), int(self.labels[index]), key)

    def _said(self, index: int) -> str:
        return f"{self.kind}#{index}"

    def _opened(self, data: Any) -> tuple[Read, list[Any]]:
        """How to read the image at a position, and all labels."""
        if _is_two_arrays(data):
            images, labels = data
            return lambda index: images[index], list(np.asarray(labels))
        if not _has_positions(data):
            held = [self._two_of(item, n) for n, item in enumerate(_each(data))]
            return lambda index: held[index][0], [label for _, label in held]

        def read(index: int) -> tuple[Any, Any]:
            try:
                item = data[index]
            except UserError:
                raise
            except Exception as error:  # whatever a data set of somebody's raises
                why = f"{type(error).__name__}: {error}"
                raise UserError(f"{self._said(index)}: cannot be read: {why:.200}") from error
            return self._two_of(item, index)

        labels = _known_labels(data)
        if labels is None:
            labels = [read(index)[1] for index in range(len(data))]
        return lambda index: read(index)[0], labels

    def _two_of(self, item: Any, index: int) -> tuple[Any, Any]:
        """The image and the label of a sample."""
        if isinstance(item, Mapping):
            image = next((item[name] for name in IMAGES if name in item), None)
            label = next((item[name] for name in LABELS if name in item), None)
            if image is not None and label is not None:
                return image, label
            received = f"a mapping with {', '.join(map(str, item))[:120] or 'nothing'}"
        elif isinstance(item, tuple | list) and len(item) == 2:
            return item[0], item[1]
        else:
            received = type(item).__name__
        raise UserError(
            f"{self._said(index)}: expected (image, label), or a mapping with `image` and "
            f"`label`. Received: {received}"
        )

    def _class_of(self, index: int, label: Any, names: Sequence[str]) -> str:
        """The name of a label's class."""
        value = _plain(label)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str):
            return value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise UserError(
                f"{self._said(index)}: expected a whole number from 0 on, or text, as label. "
                f"Received: {value!r:.80}"
            )
        if names and value >= len(names):
            raise UserError(f"{self._said(index)}: label {value}, but {len(names)} class names.")
        return names[value] if names else str(value)


def as_source(data: Any) -> Source | None:
    """A source, or a data set as a source; None for what is neither."""
    if isinstance(data, Source):
        return data
    if isinstance(data, _NO_SAMPLES) or data is None or (isinstance(data, list) and not data):
        return None
    return Samples(data) if _has_positions(data) or isinstance(data, Iterable) else None


def _has_positions(data: Any) -> bool:
    return hasattr(data, "__getitem__") and hasattr(data, "__len__")


def _is_two_arrays(data: Any) -> bool:
    """Whether it is images and labels, as `keras.datasets` gives them."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    images, labels = data
    ranks = len(getattr(images, "shape", ())), len(getattr(labels, "shape", ()))
    return ranks in ((3, 1), (4, 1), (4, 2)) and images.shape[0] == labels.shape[0]


def _each(data: Iterable[Any]) -> Iterator[Any]:
    """Single samples; those of a batch one by one."""
    for item in data:
        given = list(item.values()) if isinstance(item, Mapping) else item
        is_pair = isinstance(given, tuple | list) and len(given) == 2
        ranks = [len(getattr(part, "shape", ())) for part in given] if is_pair else []
        if ranks in ([4, 1], [4, 2], [1, 4], [2, 4]):
            keys = list(item) if isinstance(item, Mapping) else None
            for two in zip(*given, strict=True):
                yield dict(zip(keys, two, strict=True)) if keys else two
        else:
            yield item


def _known_labels(data: Any) -> list[Any] | None:
    """All labels where a data set tells them without its images."""
    columns = getattr(data, "column_names", None)  # Hugging Face's
    if isinstance(columns, list):
        name = next((name for name in LABELS if name in columns), None)
        return None if name is None else list(data[name])
    targets = getattr(data, "targets", None)  # torchvision's
    if targets is None or getattr(data, "target_transform", None) is not None:
        return None
    return list(targets) if len(targets) == len(data) else None


def _names_of(data: Any) -> Sequence[str]:
    """The names that a data set gives to labels that are numbers."""
    features = getattr(data, "features", None) or {}
    label = next((features[name] for name in LABELS if name in features), None)
    for names in (
        getattr(label, "names", None),
        getattr(data, "class_names", None),
        getattr(data, "classes", None),
    ):
        if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
            return names
    return ()


def _plain(label: Any) -> Any:
    """A label as a Python value; one in an array of its own, out of it."""
    if hasattr(label, "detach"):
        label = label.detach().cpu()
    if hasattr(label, "__array__") and not isinstance(label, str | bytes):
        values = np.asarray(label)
        return values.item() if values.size == 1 else values.tolist()
    return label


def _pixels(image: Any, key: str) -> bytes | np.ndarray:
    """Encoded bytes or RGB pixels.

    Raises:
        UserError: if it is no image.
    """
    if isinstance(image, Mapping):  # Hugging Face's, not decoded
        image = image.get("bytes") or image.get("path")
    if isinstance(image, bytes | bytearray):
        return bytes(image)
    try:
        if isinstance(image, str | os.PathLike):
            return read_image_file(Path(image))
        if is_pil(image):
            return pil_pixels(image, "image")
        if is_array(image):
            return rgb(as_numpy(image), "image")
    except UserError as error:
        raise UserError(f"{key}: {error}") from None
    raise UserError(
        f"{key}: expected a path, bytes of an image file, a PIL image, or an array (height, width, "
        f"3) of 0…255. Received: {type(image).__name__}"
    )
