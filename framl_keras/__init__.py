"""Train, verify and compare recognition embeddings in Keras 3.

Importing this imports no backend. Keras learns the names of our layers as soon as it is
imported itself, so that saved models load with no `custom_objects`.
"""

import importlib
from typing import TYPE_CHECKING, Any

import wrapt

from framl_keras.version import __version__

if TYPE_CHECKING:
    from framl_keras import layers, losses, margins, similarities
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
    "list_similarities",
    "losses",
    "margins",
    "similarities",
]

_MODULES = frozenset({"layers", "losses", "margins", "similarities"})
_LAYERS = frozenset(__all__) - _MODULES - {"__version__", "list_similarities"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"framl_keras.{name}")
    if name in _LAYERS:
        return getattr(importlib.import_module("framl_keras.layers"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def list_similarities() -> list[str]:
    """The names of all similarities: ours, then those that were registered.

    Example:
    >>> list_similarities()[:2]
    ['diff', 'cos']
    """
    return list(importlib.import_module("framl_keras.similarities").names())


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


@wrapt.when_imported("keras")
def _register(keras: Any) -> None:
    """Tells Keras the names of our classes, so that it can load a saved model."""
    importlib.import_module("framl_keras.keras_registry").register(keras)
