"""Reads one image file named by data that need not be trusted."""

import os
import stat
from pathlib import Path

from framl_keras.errors import UserError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # no pipe blocks
LARGEST = 1 << 28  # bytes; no photograph is larger, a mistaken file may be


def read_image_file(path: Path | str, named_by: str = "", rule: str = "") -> bytes:
    """The bytes of an image file.

    Args:
        path: the file.
        named_by: the record or line that names it, for messages.
        rule: where relative paths start from, to say so where it is missing.

    Raises:
        UserError: if it is missing, no plain file (a device would never end), or too large.
    """
    where = f"{named_by}: " if named_by else ""
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            return _read(descriptor, f"{where}{path}")
        finally:
            os.close(descriptor)
    except UserError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{where}cannot read the image {path}: {reason}. Restore or remove it"
            f"{f'; relative paths {rule}' if rule else ''}."
        ) from None


def _read(descriptor: int, name: str) -> bytes:
    """All of an open file, if it is a plain one."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{name} is not a file. Expected an image.")
    if status.st_size > LARGEST:
        raise UserError(f"{name} has {status.st_size} bytes. Expected an image.")
    data = os.read(descriptor, status.st_size)
    while len(data) < status.st_size:
        more = os.read(descriptor, status.st_size - len(data))
        if not more:
            break
        data += more
    return data


def below(root: Path | None, name: str, named_by: str) -> Path:
    """Where the file `name` is, within `root` if there is one.

    Raises:
        UserError: if the name leads out of `root`.
    """
    if root is None:
        return Path(name)
    path = root / name
    if ".." in path.parts or not path.is_relative_to(root):
        raise UserError(
            f"{named_by}: the path {name} leads out of {root}. Expected paths within `data.root`."
        )
    return path
