"""The formats, which backend writes each, and what must be installed for it."""

import importlib.util
import os
from collections.abc import Mapping
from typing import NamedTuple

from framl_keras.errors import UserError


class Format(NamedTuple):
    """A format that a model can be written in.

    Attributes:
        suffix: how its files' names end; empty for a folder.
        writers: backend -> packages that it needs to write the format.
        runtime: the package that runs its files, and what pip calls it.
    """

    suffix: str
    writers: Mapping[str, tuple[str, ...]]
    runtime: tuple[str, str]


FORMATS = {
    "onnx": Format(
        ".onnx",
        {"torch": ("onnx", "onnxscript"), "tensorflow": ("onnx", "tf2onnx")},
        ("onnxruntime", "onnxruntime"),
    ),
    "saved_model": Format("", {"tensorflow": ()}, ("tensorflow", "tensorflow")),
    "litert": Format(".tflite", {"tensorflow": ()}, ("ai_edge_litert", "ai-edge-litert")),
    "openvino": Format(
        ".xml",
        {"tensorflow": ("openvino",), "torch": ("openvino",)},
        ("openvino", "openvino"),
    ),
    "torch": Format(".pt", {"torch": ()}, ("torch", "torch")),
    "stablehlo": Format(".stablehlo", {"jax": ()}, ("jax", "jax")),
}


def check_format(name: str) -> Format:
    """The format of a name.

    Raises:
        UserError: if there is none.
    """
    if name not in FORMATS:
        raise UserError(f"Unknown format {name!r}. Expected one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def writers_of(name: str) -> list[str]:
    """The installed backends that write a format, one at least; the running one before others.

    Raises:
        UserError: if the runtime, a package or every backend that could is not installed.
    """
    chosen = check_format(name)
    module, package = chosen.runtime
    if not _is_installed(module):
        raise _missing(name, f"its runtime {package}", package)
    running = os.environ.get("KERAS_BACKEND", "")
    backends = [
        backend
        for backend in sorted(chosen.writers, key=lambda backend: backend != running)
        if all(map(_is_installed, (backend, *chosen.writers[backend])))
    ]
    if backends:
        return backends
    first, packages = next(iter(chosen.writers.items()))
    needed = [package for package in (first, *packages) if not _is_installed(package)]
    raise _missing(name, " and ".join(needed), " ".join(needed))


def _missing(name: str, what: str, packages: str) -> UserError:
    return UserError(
        f"Export to {name} needs {what}, which is not installed. Install it with: "
        f"pip install {packages}"
    )


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
