"""Files are written beside their place and renamed, so none is ever half-written."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MACHINE = platform.node().split(".")[0][:40] or "here"  # of several that share a folder


@contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path`, renamed onto it if the block succeeds.

    The temporary name keeps the suffix, which some writers go by. An error of the system
    names `path`, also where the disk is full, of which it says no name itself.

    Example:
    >>> with write_beside(Path("names.json")) as file:  # doctest: +SKIP
    ...     file.write_text("[]")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{_MACHINE}-{os.getpid()}.partial{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        if error.filename in (None, str(beside)):
            error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)
