"""Images and labels as arrays in a `.npz` file."""

from pathlib import Path

import numpy as np

from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError
from framl_keras.untrusted.arrays import read_npz

IMAGES = ("images", "x", "x_train", "data", "image")
LABELS = ("labels", "y", "y_train", "targets", "label")
NAMES = ("class_names", "names", "classes")


class ImageArrays(Source):
    """Reads `images`, uint8 `(n, height, width[, 1 or 3])`, and `labels` `(n,)` of a `.npz`.

    Labels are whole numbers, or text; `class_names`, if it is there, names the numbers from 0.
    All is held in memory.

    Args:
        path: the file.

    Raises:
        UserError: if the file is damaged, or the arrays are not these.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            arrays = read_npz(path)
        except (ValueError, OSError) as error:
            raise UserError(f"{path}: {error}. Restore the file.") from None
        self._images = self._checked_images(self._array(arrays, IMAGES))
        names = self._names(self._array(arrays, LABELS), arrays)
        self.class_names = sorted(set(names), key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self.labels = np.array([position[name] for name in names], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        image = self._images[index]
        pixels = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
        return Sample(pixels, int(self.labels[index]), f"{self.path}#{index}")

    def _array(self, arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
        key = next((name for name in names if name in arrays), None)
        if key is None:
            raise UserError(
                f"{self.path}: no array called {' or '.join(names)}. Found: "
                f"{', '.join(arrays)[:200]}. Save it with np.savez(path, images=…, labels=…)."
            )
        return arrays[key]

    def _checked_images(self, images: np.ndarray) -> np.ndarray:
        images = images[..., None] if images.ndim == 3 else images
        if (
            images.dtype != np.uint8
            or images.ndim != 4
            or images.shape[-1] not in (1, 3)
            or (not images.size)
        ):
            raise UserError(
                f"{self.path}: expected images as uint8 (n, height, width, 3), values 0 to 255. "
                f"Received: {images.dtype} {str(images.shape)[:60]}."
            )
        return images

    def _names(self, labels: np.ndarray, arrays: dict[str, np.ndarray]) -> list[str]:
        """The class of each image by its name."""
        labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
        if labels.shape != (len(self._images),) or labels.dtype.kind not in "iuUS":
            raise UserError(
                f"{self.path}: expected labels of shape ({len(self._images)},), whole numbers or "
                f"text, one for each image. Received: {labels.dtype} {str(labels.shape)[:60]}."
            )
        if labels.dtype.kind in "iu" and labels.min() < 0:
            raise UserError(
                f"{self.path}: expected labels from 0 on. Received: {labels.min()} for image "
                f"{int(labels.argmin())}."
            )
        known = next((arrays[name] for name in NAMES if name in arrays), None)
        if known is None or labels.dtype.kind not in "iu":
            return [_text(label) for label in labels]
        if known.ndim != 1 or labels.max() >= len(known) or len(set(known.tolist())) < len(known):
            raise UserError(
                f"{self.path}: {len(known)} class names for labels up to {labels.max()}. Expected "
                "a name of its own for each label."
            )
        return [_text(known[label]) for label in labels]


def _text(label: np.generic) -> str:
    value = label.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
