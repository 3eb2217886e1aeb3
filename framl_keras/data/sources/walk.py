"""The images below a folder at any depth, and all that lies there besides."""

import os
from collections.abc import Iterator
from pathlib import Path

from framl_keras.data.image_formats import HEAD, IMAGE_SUFFIXES, image_format, other_image_format
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key

_SYSTEM = ("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin")
HIDDEN, NO_IMAGE, EMPTY = "hidden", "not an image", "folder without an image"
STRAY = "image outside the identities' folders"


def images_below(
    folder: Path, suffixes: tuple[str, ...] | None = None
) -> tuple[list[str], list[LeftOut]]:
    """The images below a folder by their relative paths, in natural order, and the rest.

    A file is an image if its name ends as images do, or else by its first bytes. Links to
    folders are followed, but not in a circle.

    Args:
        folder: where to look.
        suffixes: file names that end otherwise are left out; None for any.
    """
    names: list[str] = []
    left_out: list[LeftOut] = []
    start = os.path.join(folder, "")
    for entry in _files_below(folder, left_out):
        wrong = what_is_wrong(entry, suffixes)
        if wrong is None:
            names.append(entry.path[len(start) :])
        else:
            left_out.append(wrong)
    if any(os.sep in name for name in names):  # those of one folder are in order
        names.sort(key=lambda name: [natural_key(part) for part in name.split(os.sep)])
    return names, left_out


def entries_of(folder: str | Path, left_out: list[LeftOut]) -> list[os.DirEntry[str]]:
    """What lies right inside a folder and is not hidden, in natural order."""
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: natural_key(entry.name))
    except OSError as error:
        left_out.append(
            LeftOut(str(folder), "folder that cannot be opened", error.strerror or "", True)
        )
        return []
    visible = []
    for entry in listed:
        if is_hidden(entry.name):
            left_out += [LeftOut(path, HIDDEN) for path in _all_below(entry)]
        else:
            visible.append(entry)
    return visible


def is_hidden(name: str) -> bool:
    """Whether a name is one of the system's own, or begins with a dot."""
    return name.startswith(".") or name.lower() in _SYSTEM


def what_is_wrong(
    entry: os.DirEntry[str], suffixes: tuple[str, ...] | None = None
) -> LeftOut | None:
    """Why a file is not taken for an image, or None if it is one."""
    if not entry.is_file():
        return LeftOut(entry.path, "neither file nor folder (a broken link, a device)")
    if entry.name.lower().endswith(IMAGE_SUFFIXES if suffixes is None else suffixes):
        return None
    if suffixes is not None:
        return LeftOut(entry.path, NO_IMAGE)
    return _by_content(entry.path)


def _by_content(path: str) -> LeftOut | None:
    """Why a file that is not called like an image is none, or None if it begins like one."""
    try:
        with open(path, "rb", buffering=0) as file:
            start = file.read(HEAD)
    except OSError as error:
        return LeftOut(path, "file that cannot be opened", error.strerror or "", True)
    if image_format(start):
        return None
    other = other_image_format(start)
    if other is None:
        return LeftOut(path, NO_IMAGE)
    return LeftOut(path, f"in {other} format, which is not read", unreadable=True)


def _files_below(folder: Path, left_out: list[LeftOut]) -> Iterator[os.DirEntry[str]]:
    """All visible files at any depth; a folder is not entered from within itself."""
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [(str(folder), frozenset())]
    while waiting:
        place, above = waiting.pop()
        identity = _identity(place)
        if identity in above:
            left_out.append(LeftOut(place, "link in a circle"))
            continue
        for entry in entries_of(place, left_out):
            if entry.is_dir():
                waiting.append((entry.path, above | {identity}))
            else:
                yield entry


def _identity(place: str) -> tuple[int, int]:
    try:
        status = os.stat(place)
    except OSError:
        return -1, -1
    return status.st_dev, status.st_ino


def _all_below(entry: os.DirEntry[str]) -> list[str]:
    """The files of a hidden folder, or the hidden file itself."""
    if not entry.is_dir(follow_symlinks=False):
        return [entry.path]
    return [os.path.join(top, name) for top, _, names in os.walk(entry.path) for name in names]
