"""Train, verify and compare recognition embeddings in Keras 3.

Importing this imports no backend. The layers are registered with Keras as soon as
Keras itself is imported, so that saved models load with no `custom_objects`.
"""

import importlib
from typing import TYPE_CHECKING, Any

import wrapt

from framl_keras.version import __version__

if TYPE_CHECKING:
    from framl_keras import layers, losses, margins
    from framl_keras.layers import (
        ArcMarginLayer,
        CosineSimilarity,
        CrossCorrelation,
        Difference,
        FeatureRepresentation,
        StructuralSimilarity,
    )

__all__ = [
    "ArcMarginLayer",
    "CosineSimilarity",
    "CrossCorrelation",
    "Difference",
    "FeatureRepresentation",
    "StructuralSimilarity",
    "__version__",
    "layers",
    "losses",
    "margins",
]

_MODULES = frozenset({"layers", "losses", "margins"})
_LAYERS = frozenset(__all__) - _MODULES - {"__version__"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"framl_keras.{name}")
    if name in _LAYERS:
        return getattr(importlib.import_module("framl_keras.layers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


@wrapt.when_imported("keras")
def _register(_: Any) -> None:
    """Imports what Keras must know to load a saved model."""
    importlib.import_module("framl_keras.layers")
    importlib.import_module("framl_keras.losses")
