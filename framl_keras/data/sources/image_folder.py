"""A folder of images with one sub-folder for each identity."""

import os
from pathlib import Path

import numpy as np

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
        folders = _in_natural_order(self.root)
        by_class = {d.name: files for d in folders if (files := _images(d, suffixes))}
        if not by_class:
            raise UserError(
                f"No images in the sub-folders of {self.root}. Expected <identity>/<image> with "
                f"one of {', '.join(suffixes)}."
            )
        self.class_names = list(by_class)
        self.files = [file for files in by_class.values() for file in files]
        counts = [len(files) for files in by_class.values()]
        self.labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:
        path = self.files[index]
        return Sample(path.read_bytes(), int(self.labels[index]), str(path))


def _images(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The images right inside a folder, in natural order; none for a file."""
    if not folder.is_dir():
        return []
    return [file for file in _in_natural_order(folder) if file.suffix.lower() in suffixes]


def _in_natural_order(folder: Path) -> list[Path]:
    """A folder's visible entries with runs of digits compared as numbers."""
    entries = (entry for entry in folder.iterdir() if not entry.name.startswith("."))
    return sorted(entries, key=lambda entry: natural_key(entry.name))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which `s2` comes before `s10`; the plain name breaks ties."""
    parts, digits = [], ""
    for char in name + "\0":
        if char.isdecimal() and char.isascii():
            digits += char
            continue
        if digits:
            parts.append((0, int(digits), digits))
            digits = ""
        parts.append((1, ord(char), ""))
    return tuple(parts)
