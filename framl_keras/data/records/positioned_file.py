"""A file that several threads and processes read at any position."""

import os
import threading
from pathlib import Path

from framl_keras.errors import UserError


class PositionedFile:
    """Reads `size` bytes at `offset`, safely from several threads.

    The file is opened at the first read. A copy sent to another process opens
    it anew.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.Lock()
        self._descriptor = -1

    def read(self, offset: int, size: int) -> bytes:
        """The bytes there; fewer at the end of the file.

        Raises:
            UserError: if the file cannot be read.
        """
        try:
            if self._descriptor < 0:
                self._open()
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}.") from None

    def _open(self) -> None:
        with self._lock:
            if self._descriptor < 0:
                self._descriptor = os.open(self.path, os.O_RDONLY)

    def __getstate__(self) -> dict[str, Path]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
