"""What has to be known to get the same numbers again."""

import platform
import sys
import time
from typing import Any

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
