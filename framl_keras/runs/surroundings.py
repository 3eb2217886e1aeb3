"""What a run was trained with besides its recipe: versions, device and the state of the code."""

import importlib.metadata
import json
import platform
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framl_keras.version import __version__

_PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "opencv-python-headless", "grain")
_PATIENCE = 5  # seconds that git is given


def surroundings(**facts: Any) -> dict[str, Any]:
    """Versions of what is installed, the machine's kind, and git's state of the working folder.

    Args:
        **facts: what else is known, such as the device.

    Example:
    >>> surroundings(device="CPU")["device"]
    'CPU'
    """
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **facts,
        "framl-keras": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
        "git": git_state(Path.cwd()),
    }


def append_surroundings(path: Path, known: Mapping[str, Any]) -> None:
    """Adds one line of JSON for one part of a run."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(known, ensure_ascii=False) + "\n")


def git_state(folder: Path) -> dict[str, Any] | None:
    """The commit of a folder's repository and whether files differ from it; None outside of one."""
    commit, changes = (
        _git(folder, *command) for command in (("rev-parse", "HEAD"), ("status", "--porcelain"))
    )
    if not commit or changes is None:
        return None
    return {"commit": commit, "changed": bool(changes)}


def _git(folder: Path, *command: str) -> str | None:
    """What a git command prints; None if it fails, or there is no git."""
    try:
        done = subprocess.run(
            ["git", *command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
