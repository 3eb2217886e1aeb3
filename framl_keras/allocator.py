"""Memory that glibc keeps for the next step instead of giving it back and faulting it in again.

Large tensors are fresh pages from the system in each step, and each page costs a fault. With
these settings they stay with the process. `FRAML_KERAS_ALLOCATOR=system` leaves all as it is.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

VARIABLE = "FRAML_KERAS_ALLOCATOR"
SYSTEM, KEEP = "system", "keep"
ENOUGH = 4 * 2**30  # bytes that are free, from which on a third more may be used
SETTINGS = {  # parameters of mallopt, by their numbers in malloc.h
    -1: -1,  # M_TRIM_THRESHOLD: never give the heap's end back
    -2: 64 * 2**20,  # M_TOP_PAD: grow the heap by this much at a time
    -4: 0,  # M_MMAP_MAX: no tensor gets pages of its own
    -8: 1,  # M_ARENA_MAX: threads share it, since their own heaps give memory back
}
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_done: list[str] = []


class _Where(ctypes.Structure):
    """What `dladdr` tells: which file a function is in comes first."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def keep_memory() -> str:
    """Tells glibc to keep freed memory, once in a process; processes it starts do it again.

    Returns:
        `keep`, or why nothing was changed.
    """
    if not _done:
        _done.append(_reason(os.environ) or _set())
    return _done[0]


def _reason(environment: Mapping[str, str]) -> str:
    """Why nothing is to be changed; empty if it is."""
    asked = environment.get(VARIABLE, KEEP)
    if asked != KEEP:
        return f"{VARIABLE}={asked}"
    if not sys.platform.startswith("linux"):
        return f"the platform is {sys.platform}"
    tuned = [name for name in environment if name.startswith("MALLOC_")]
    if "glibc.malloc" in environment.get("GLIBC_TUNABLES", ""):
        tuned.append("GLIBC_TUNABLES")
    if tuned:
        return f"{tuned[0]} is set"
    if (home := _home_of_malloc()) != "glibc":
        return f"memory comes from {home}"
    free = free_memory()
    return f"only {free / 2**30:.1f} GiB are free" if free < ENOUGH else ""


def _set() -> str:
    mallopt: Callable[[int, int], int] = ctypes.CDLL(None).mallopt
    if all(mallopt(parameter, value) for parameter, value in SETTINGS.items()):
        return KEEP
    return "mallopt refused"


def _home_of_malloc() -> str:
    """`glibc`, or the file of another allocator that was loaded before it."""
    try:
        process = ctypes.CDLL(None)
        process.gnu_get_libc_version  # noqa: B018 - musl has none
        where = _Where()
        address = ctypes.cast(process.malloc, ctypes.c_void_p)
        if not process.dladdr(address, ctypes.byref(where)) or not where.file:
            return "an unknown place"
    except (AttributeError, OSError):
        return "another C library"
    name = Path(os.fsdecode(where.file)).name
    return "glibc" if name.startswith(("libc.so", "libc-")) else name


def free_memory() -> float:
    """Bytes that are free, here and in the container; infinite if nothing says it."""
    least = float("inf")
    with contextlib.suppress(OSError, ValueError, IndexError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        least = int(next(x for x in lines if x.startswith("MemAvailable")).split()[1]) * 2**10
    for limit in _CGROUPS:
        with contextlib.suppress(OSError, ValueError):
            least = min(least, int(Path(limit).read_text(encoding="ascii")))
    return least
