"""A zip archive of `<identity>/…/<image>`, read where it lies."""

import struct
import threading
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from framl_keras.data.image_formats import HEAD, IMAGE_SUFFIXES, image_format
from framl_keras.data.sources.image_file import LARGEST
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.sources.walk import HIDDEN, NO_IMAGE, STRAY, is_hidden
from framl_keras.errors import UserError
from framl_keras.untrusted.zip_file import open_zip

_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, RuntimeError,
           OverflowError, MemoryError, ValueError, OSError)  # fmt: skip


class ZipImages(Source):
    """Reads the images of an archive, one class for each folder, as `ImageFolder` does.

    A folder that holds all the others is no identity. Nothing is unpacked to the disk.

    Args:
        path: the archive.

    Raises:
        UserError: if it is damaged, or holds no image in any folder.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self._archive = self._open()
        images, self.left_out = self._images()
        if not images:
            raise UserError(f"{path}: no images in its folders. Expected <identity>/<image>.")
        by_name = _by_identity(images)
        self.class_names = [name for name, _ in by_name]
        self._members = [member for _, members in by_name for member in members]
        counts = [len(members) for _, members in by_name]
        self.labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: int) -> Sample:
        name = self._members[index]
        key = f"{self.path}#{name}"
        try:
            return Sample(self._archive.read(name), int(self.labels[index]), key)
        except _DAMAGE as error:
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            raise UserError(f"{key}: {reason}. Restore the archive.") from None

    def _open(self) -> zipfile.ZipFile:
        self._stack = ExitStack()
        try:
            return self._stack.enter_context(open_zip(self.path))
        except (ValueError, OSError) as error:
            raise UserError(f"{self.path}: {error}. Restore the archive.") from None

    def _images(self) -> tuple[list[str], list[LeftOut]]:
        """The members that are images, and the others."""
        images, left_out = [], []
        for member in self._archive.infolist():
            key = f"{self.path}#{member.filename}"
            if member.filename.endswith("/"):  # `is_dir` fails on a name of no letters
                continue
            if any(map(is_hidden, PurePosixPath(member.filename).parts)):
                left_out.append(LeftOut(key, HIDDEN))
            elif member.file_size > LARGEST or not self._is_image(member):
                left_out.append(LeftOut(key, NO_IMAGE))
            elif "/" not in member.filename.strip("/"):
                left_out.append(LeftOut(key, STRAY))
            else:
                images.append(member.filename)
        return images, left_out

    def _is_image(self, member: zipfile.ZipInfo) -> bool:
        if member.filename.lower().endswith(IMAGE_SUFFIXES):
            return True
        try:
            with self._archive.open(member) as file:
                return image_format(file.read(HEAD)) is not None
        except _DAMAGE:
            return False

    def __getstate__(self) -> dict[str, Any]:
        own = ("_lock", "_archive", "_stack")
        return {key: value for key, value in self.__dict__.items() if key not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())
        self._archive = self._open()


def _by_identity(images: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The members of each identity in natural order, without a folder that holds all."""
    parts = {name: PurePosixPath(name.replace("\\", "/")).parts for name in images}
    folders = [split[:-2] for split in parts.values()]
    skip = next(at for at in range(len(folders[0]) + 1) if not _share(folders, at))
    groups: dict[str, list[str]] = {}
    for name in sorted(images, key=lambda name: [natural_key(part) for part in parts[name]]):
        groups.setdefault(parts[name][skip], []).append(name)
    return sorted(groups.items(), key=lambda group: natural_key(group[0]))


def _share(folders: Sequence[tuple[str, ...]], at: int) -> bool:
    """Whether all paths have the same folder at a depth."""
    return len({folder[at] if at < len(folder) else None for folder in folders} | {None}) == 2 and (
        all(at < len(folder) for folder in folders)
    )
