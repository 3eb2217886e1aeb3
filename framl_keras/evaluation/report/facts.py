"""What has to be known to get the same numbers again."""

import hashlib
import platform
import sys
import time
from typing import Any

import numpy as np

from framl_keras.version import __version__

MODULES = ("keras", "numpy", "cv2", "matplotlib", "tensorflow", "jax", "torch")


def facts_of(backend: str | None = None, **more: Any) -> dict[str, Any]:
    """Versions of what is loaded, platform and time, and whatever else is given.

    Args:
        backend: name of the Keras backend; None without Keras.
        **more: further facts, such as `run` or `weights`.
    """
    loaded = [name for name in MODULES if name in sys.modules]
    return {
        "framl_keras": __version__,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backend": backend,
        "versions": {name: sys.modules[name].__version__ for name in loaded},
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
