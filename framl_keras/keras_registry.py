"""The names under which Keras finds our classes when it loads a saved model.

A class is imported when it is first asked for: importing Keras must not import our
layers, since one of our own modules may be the one that imports Keras.
"""

import importlib
from typing import Any

PACKAGE = "framl_keras"
CLASSES = {
    "layers": (
        "ArcMarginLayer",
        "ChannelScale",
        "ChannelSlope",
        "CosineSimilarity",
        "CountedDropout",
        "CrossCorrelation",
        "Difference",
        "FeatureRepresentation",
        "GeneralizedMeanPooling",
        "GlobalDepthwiseConv",
        "Mirror",
        "NamedSimilarity",
        "RowSGD",
        "StructuralSimilarity",
        "UnitLength",
    ),
    "losses": ("SupervisedContrastive", "Triplet"),
    "margins": (
        "AdaFace",
        "ArcFace",
        "Combined",
        "CosFace",
        "CurricularFace",
        "DynamicMargin",
        "ElasticFaceArc",
        "ElasticFaceCos",
        "MagFace",
        "SphereFace",
    ),
}
FUNCTIONS = {"losses": ("as_given",)}


def register(keras: Any) -> None:
    """Puts a stand-in into Keras' table for each class that is not there yet."""
    known = keras.saving.get_custom_objects()
    for module, names in CLASSES.items():
        for name in names:
            known.setdefault(f"{PACKAGE}>{name}", _Deferred(keras, module, name))
    for module, names in FUNCTIONS.items():
        for name in names:
            if f"{PACKAGE}>{name}" not in known:
                keras.saving.register_keras_serializable(PACKAGE)(_deferred(module, name))


def _deferred(module: str, name: str) -> Any:
    """A function that imports the one it stands for when it is called."""

    def function(*args: Any, **kwargs: Any) -> Any:
        chosen = getattr(importlib.import_module(f"framl_keras.{module}"), name)
        return chosen(*args, **kwargs)

    function.__name__ = name
    return function


class _Deferred:
    """A class that has not been imported yet: any use of it imports and registers it."""

    def __init__(self, keras: Any, module: str, name: str):
        self._keras, self._module, self._name = keras, module, name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._imported(), attribute)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._imported()(*args, **kwargs)

    def _imported(self) -> Any:
        importlib.import_module(f"framl_keras.{self._module}")
        return self._keras.saving.get_custom_objects()[f"{PACKAGE}>{self._name}"]
