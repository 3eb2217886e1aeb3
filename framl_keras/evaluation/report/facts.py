"""What has to be known to get the same numbers again."""

import hashlib
import importlib.metadata
import platform
import time
from typing import Any

import numpy as np

from framl_keras.version import __version__

PACKAGES = ("keras", "numpy", "opencv-python-headless", "matplotlib")


def facts_of(backend: str | None = None, **more: Any) -> dict[str, Any]:
    """Versions, platform and time, and whatever else is given.

    Args:
        backend: name of the Keras backend, whose version is added; None without Keras.
        **more: further facts, such as `run` or `weights`.
    """
    packages = [*PACKAGES, *([backend] if backend else [])]
    return {
        "framl_keras": __version__,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": backend,
        "versions": {name: version for name in packages if (version := _version(name))},
        **more,
    }


def weights_hash(model: Any) -> str:
    """A hash of a Keras model's weights: paths, shapes and values, on any backend."""
    digest = hashlib.blake2b(digest_size=16)
    for weight in model.weights:
        values = np.ascontiguousarray(weight.numpy())
        digest.update(f"{weight.path} {values.shape} {values.dtype}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
