"""A folder of images with one sub-folder for each identity."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framl_keras.data.image_formats import READABLE
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.left_out import LeftOut, summary
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.sources.walk import EMPTY, STRAY, entries_of, images_below, what_is_wrong
from framl_keras.errors import UserError

TRAIN, VALIDATION, TEST = (
    ("train", "training"),
    ("val", "valid", "validation", "dev", "eval"),
    ("test", "testing"),
)

log = logging.getLogger(__name__)


class ImageFolder(Source):
    """Reads `root/<identity>/…/<image>`, one class for each folder that holds images.

    The class name is the folder's name, any string; sub-folders at any depth belong to it.
    Classes and files are taken in natural order (`s2` before `s10`), so labels do not depend
    on the file system. Images are told by their names or, failing that, by their first bytes;
    all else is counted in `left_out`.

    Args:
        root: the folder that holds the identities' folders.
        suffixes: file names that end otherwise are left out; None for any image.

    Raises:
        UserError: if `root` is not a folder, holds no image in any sub-folder, or holds the
            parts of a data set (`train`, `val`, `test`) instead of identities.

    Example:
    >>> source = ImageFolder("faces")          # doctest: +SKIP
    >>> source[0].label, source.class_names[0]  # doctest: +SKIP
    (0, 'ada')
    """

    def __init__(self, root: str | os.PathLike[str], suffixes: tuple[str, ...] | None = None):
        self.root = Path(root)
        if not self.root.is_dir():
            raise UserError(f"No such folder: {self.root}. Expected <identity>/<image> inside it.")
        left_out: list[LeftOut] = []
        by_class = _images_of_identities(self.root, suffixes, left_out)
        if not by_class:
            raise UserError(_nothing_there(self.root, suffixes, left_out))
        _refuse_parts(self.root, by_class)
        self.left_out = left_out
        self.class_names = list(by_class)
        self._folders = [str(self.root / name) for name in by_class]
        self._names = [name for names in by_class.values() for name in names]
        counts = [len(names) for names in by_class.values()]
        self.labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        _warn_of_one_folder_too_many(self.root, by_class)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        label = int(self.labels[index])
        path = os.path.join(self._folders[label], self._names[index])
        return Sample(read_image_file(path), label, path)

    def path_of(self, index: int) -> Path:
        """The file of a sample."""
        return self.root / self.class_names[int(self.labels[index])] / self._names[index]

    def name_of(self, index: int) -> str:
        """The file's name; folders below the identity's are part of it (`video1_0.jpg`)."""
        return self._names[index].replace(os.sep, "_")


def parts_of(root: Path) -> tuple[Path | None, Path | None, Path | None]:
    """The folders for training, validation and test of a root such as ImageNet's.

    All None if the root holds anything else besides, or none for training.
    """
    if not root.is_dir():
        return None, None, None
    names = {entry.name.lower(): Path(entry.path) for entry in entries_of(root, [])
             if entry.is_dir()}  # fmt: skip
    if not set(names) <= {*TRAIN, *VALIDATION, *TEST} or not any(n in names for n in TRAIN):
        return None, None, None
    train, validation, test = (
        next((names[name] for name in kind if name in names), None)
        for kind in (TRAIN, VALIDATION, TEST)
    )
    return train, validation, test


def _images_of_identities(
    root: Path, suffixes: tuple[str, ...] | None, left_out: list[LeftOut]
) -> dict[str, list[str]]:
    """The images below each identity's folder."""
    by_class = {}
    for entry in entries_of(root, left_out):
        if not entry.is_dir():
            left_out.append(what_is_wrong(entry, suffixes) or LeftOut(entry.path, STRAY))
            continue
        names, rest = images_below(Path(entry.path), suffixes)
        left_out += rest
        if names:
            by_class[entry.name] = names
        else:
            left_out.append(LeftOut(entry.path, EMPTY))
    return by_class


def _nothing_there(
    root: Path, suffixes: tuple[str, ...] | None, left_out: Sequence[LeftOut]
) -> str:
    expected = READABLE if suffixes is None else ", ".join(suffixes)
    rest = f" {summary(left_out)}." if left_out else ""
    return (
        f"No images in the sub-folders of {root}. Expected <identity>/<image> in {expected}.{rest}"
    )


def _refuse_parts(root: Path, by_class: dict[str, list[str]]) -> None:
    """Says where the identities are if the folders are parts of a data set."""
    train, *others = parts_of(root)
    lone = [name for names in by_class.values() for name in names if os.sep not in name]
    if train is None or lone:
        return
    held = [
        f"data.{key}: {folder}"
        for key, folder in zip(("validation", "test"), others, strict=True)
        if folder
    ]
    raise UserError(
        f"{root}: {', '.join(by_class)} are parts of a data set, not identities. Name one: "
        f"{'; '.join([f'data.train: {train}', *held])}"
    )


def _warn_of_one_folder_too_many(root: Path, by_class: dict[str, list[str]]) -> None:
    (first, names), *others = by_class.items()
    below = {name.split(os.sep)[0] for name in names if os.sep in name}
    if not others and len(below) > 1 and all(os.sep in name for name in names):
        log.warning(
            "%s: one identity (%s) with all images in its %d sub-folders. If these are the "
            "identities, name %s.", root, first, len(below), root / first,
        )  # fmt: skip
