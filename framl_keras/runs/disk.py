"""A disk that is full or cannot be written to is the user's to mend: one line, and nothing lost."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from framl_keras.errors import UserError

_MAKE_ROOM = "Make room and train again: the run goes on from its last checkpoint."
_REMEDIES = {
    errno.ENOSPC: _MAKE_ROOM,
    errno.EDQUOT: _MAKE_ROOM,
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose another folder or change its permissions.",
    errno.EPERM: "Choose another folder or change its permissions.",
}


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Turns what the disk refuses within the block into one line for the user.

    Args:
        folder: what is being written, named where the error names no file.

    Raises:
        UserError: in place of an `OSError` of that kind; others pass.
    """
    try:
        yield
    except OSError as error:
        if not is_of_the_disk(error):
            raise
        raise UserError(explain(error, folder)) from None


def is_of_the_disk(error: OSError) -> bool:
    """Whether a disk is full, or may not be written to."""
    return error.errno in _REMEDIES


def explain(error: OSError, path: Path | str, make_room: str = _MAKE_ROOM) -> str:
    """What could not be written, why, and what to do.

    Args:
        error: what the system said.
        path: what was being written, where the error names no file.
        make_room: what to do if the disk is full.
    """
    remedy = _REMEDIES.get(error.errno or 0, _MAKE_ROOM)
    if remedy == _MAKE_ROOM:
        remedy = make_room
    return f"{error.filename or path}: {error.strerror or error}. {remedy}"
