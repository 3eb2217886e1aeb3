"""Data: open, convert, check and audit it; readers, transforms and the one order below.

Example:
>>> import framl_keras as fk
>>> images, labels = next(fk.data.open("synthetic:people=4,images=3").batches(6, size=32))
>>> images.shape, labels.shape
((6, 32, 32, 3), (6,))
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framl_keras.data.front import TrainingData as TrainingData
    from framl_keras.data.front import audit as audit
    from framl_keras.data.front import check as check
    from framl_keras.data.front import convert as convert
    from framl_keras.data.front import merge as merge
    from framl_keras.data.front import open as open
    from framl_keras.data.front import open_pairs as open_pairs
    from framl_keras.data.front import split as split
    from framl_keras.data.sources import Sample as Sample
    from framl_keras.data.sources import Source as Source
    from framl_keras.data.sources import register_source as register_source
    from framl_keras.data.view import View as View

_FRONT = ("TrainingData", "audit", "check", "convert", "merge", "open", "open_pairs", "split")
_SOURCES = ("Sample", "Source", "register_source")
__all__ = sorted([*_FRONT, *_SOURCES, "View"])  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name in _FRONT:
        return getattr(importlib.import_module("framl_keras.data.front"), name)
    if name in _SOURCES:
        return getattr(importlib.import_module("framl_keras.data.sources"), name)
    if name == "View":
        return importlib.import_module("framl_keras.data.view").View
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
