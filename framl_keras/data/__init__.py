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
    from framl_keras.data.front import convert as convert
    from framl_keras.data.front import convert_part as convert_part
    from framl_keras.data.front import merge as merge
    from framl_keras.data.front import open as open
    from framl_keras.data.front import open_pairs as open_pairs
    from framl_keras.data.front import split as split
    from framl_keras.data.inspection import audit as audit
    from framl_keras.data.inspection import audit_part as audit_part
    from framl_keras.data.inspection import check as check
    from framl_keras.data.inspection import check_part as check_part
    from framl_keras.data.sources import Sample as Sample
    from framl_keras.data.sources import Source as Source
    from framl_keras.data.sources import register_source as register_source
    from framl_keras.data.view import View as View

_HOMES = {
    "front": ("TrainingData", "convert", "convert_part", "merge", "open", "open_pairs", "split"),
    "inspection": ("audit", "audit_part", "check", "check_part"),
    "sources": ("Sample", "Source", "register_source"),
    "view": ("View",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if home := _HOME_OF.get(name):
        return getattr(importlib.import_module(f"framl_keras.data.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
