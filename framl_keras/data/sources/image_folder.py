"""A folder of images with one sub-folder for each identity."""

import os
from pathlib import Path

import numpy as np

from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp")


class ImageFolder:
    """Reads `root/<identity>/<image>`, one class for each folder that holds images.

    The class name is the folder's name, any string. Classes and files are
    taken in natural order (`s2` before `s10`), so labels do not depend on
    the file system.

    Args:
        root: the folder that holds the identities' folders.
        suffixes: file names that end otherwise are passed over.

    Raises:
        UserError: if `root` is not a folder, or holds no image in any sub-folder.

    Example:
    >>> source = ImageFolder("faces")          # doctest: +SKIP
    >>> source[0].label, source.class_names[0]  # doctest: +SKIP
    (0, 'ada')
    """

    def __init__(self, root: str | os.PathLike[str], suffixes: tuple[str, ...] = IMAGE_SUFFIXES):
        self.root = Path(root)
        if not self.root.is_dir():
            raise UserError(f"No such folder: {self.root}. Expected <identity>/<image> inside it.")
        by_class = {d: files for d in _folders(self.root) if (files := _images(d, suffixes))}
        if not by_class:
            raise UserError(
                f"No images in the sub-folders of {self.root}. Expected <identity>/<image> with "
                f"one of {', '.join(suffixes)}."
            )
        self.class_names = [folder.name for folder in by_class]
        self._folders = [str(folder) for folder in by_class]
        self._names = [name for names in by_class.values() for name in names]
        counts = [len(names) for names in by_class.values()]
        self.labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        label = int(self.labels[index])
        path = os.path.join(self._folders[label], self._names[index])
        return Sample(read_image_file(path), label, path)

    def path_of(self, index: int) -> Path:
        """The file of a sample."""
        return Path(self._folders[self.labels[index]], self._names[index])


def _folders(root: Path) -> list[Path]:
    with os.scandir(root) as entries:
        names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    return [root / name for name in sorted(names, key=natural_key)]


def _images(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """The names of the visible images right inside a folder, in natural order."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if _is_image(e.name, suffixes) and e.is_file()]
    return sorted(names, key=natural_key)


def _is_image(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and not name.startswith(".")
