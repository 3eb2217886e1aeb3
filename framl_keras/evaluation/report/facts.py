"""What one needs to know to get the same numbers again."""

import platform
import sys
import time
from typing import Any

from framl_keras.version import __version__

MODULES = ("keras", "numpy", "cv2", "matplotlib", "tensorflow", "jax", "torch")


def facts_of(backend: str | None = None, **more: Any) -> dict[str, Any]:
    """Versions of the loaded packages, platform, time, and further facts.

    Args:
        backend: name of the Keras backend; None without Keras.
        **more: further facts, such as `run` or `weights`.

    Example:
    >>> facts_of("torch", run="runs/mine")["run"]
    'runs/mine'
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
