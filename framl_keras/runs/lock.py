"""One trainer at a time in a run's folder."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from framl_keras.errors import UserError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for this process; the lock goes with the process, even if it is killed.

    The lock lies beside the folder, which may be renamed meanwhile.

    Raises:
        UserError: if another process holds it (named).
    """
    owner = folder.with_name(f".{folder.name}.owner")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
            owner.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
            yield
    except filelock.Timeout:
        who = owner.read_text(encoding="utf-8") if owner.exists() else "another process"
        raise UserError(
            f"{folder} is being trained by {who}. Wait for it, or choose another --name."
        ) from None
