"""Two processes on this machine, as launchers start them."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def addresses() -> str:
    """Two that are free."""
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("localhost", 0))
        return ",".join(f"localhost:{each.getsockname()[1]}" for each in (one, two))


def started(
    command: Sequence[str], folder: Path, other: Sequence[str] | None = None
) -> list[subprocess.Popen]:
    """A program of Python in two processes that are to find each other; `other` in the second."""
    where = addresses()
    return [
        subprocess.Popen(
            [sys.executable, *(other or command if number else command)],
            cwd=folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "OMP_NUM_THREADS": "1",
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": where,
                "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
                "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
            },
        )
        for number in range(2)
    ]


def ended(job: Sequence[subprocess.Popen]) -> list[tuple[str, str]]:
    """What each of them printed, and said beside; shown where a test fails."""
    found = [process.communicate(timeout=150) for process in job]
    for process, (_, said) in zip(job, found, strict=True):
        print(f"ended with {process.returncode}: {said[-2000:]}")
    return found
