"""How many threads OpenCV works with, which is a setting of the whole process."""

import contextlib
import threading
from collections.abc import Iterator

import cv2


class _Setting:
    """OpenCV's number of threads, and who wants it to be one."""

    def __init__(self) -> None:
        self._lock, self._users, self._usual = threading.Lock(), 0, 0

    def begin(self) -> None:
        with self._lock:
            if not self._users:
                self._usual = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                cv2.setNumThreads(self._usual)


_setting = _Setting()


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """While the block runs, OpenCV starts no threads; the last one to leave sets them back.

    For blocks that read images with threads of their own, each of which keeps to one core.
    """
    _setting.begin()
    try:
        yield
    finally:
        _setting.end()
