"""Train, verify and compare recognition embeddings in Keras 3.

>>> import framl_keras as fk
>>> embedder = fk.Embedder.load()                             # doctest: +SKIP
>>> embedder.compare("a.png", "b.png").same                   # doctest: +SKIP
>>> run = fk.train("quickstart", {"train.epochs": 3})         # doctest: +SKIP
>>> print(fk.evaluate(run.embedder))                          # doctest: +SKIP

Using what is trained: `Embedder`, `evaluate`, `Judging`, `retrieve`, `compare_runs`, `label_noise`.
Training: `train`, `Run`, `Recipe`, `recipe_schema`, `import_weights`, `parity`.
Data: `data.open`, `data.convert`, `data.check`, `data.audit`.
In your own Keras models: `create_embedder`, `FeatureRepresentation`, `ArcMarginLayer`, `margins`,
`losses`, `callbacks`, and the similarity layers.
By name: `list_backbones`, `list_margins`, `list_similarities`; `backbones.register` and its like
add names of your own.

Importing this imports no backend: each part loads when it is used. Keras learns the names of our
layers as soon as it is imported itself, so that saved models load with no `custom_objects`.
"""

import importlib
from typing import TYPE_CHECKING, Any

import wrapt

from framl_keras.version import __version__

if TYPE_CHECKING:
    from framl_keras import backbones as backbones
    from framl_keras import callbacks as callbacks
    from framl_keras import data as data
    from framl_keras import layers as layers
    from framl_keras import losses as losses
    from framl_keras import margins as margins
    from framl_keras import similarities as similarities
    from framl_keras.api.compare_runs import compare_runs as compare_runs
    from framl_keras.api.create import create_embedder as create_embedder
    from framl_keras.api.create import list_backbones as list_backbones
    from framl_keras.api.create import list_margins as list_margins
    from framl_keras.api.create import list_similarities as list_similarities
    from framl_keras.api.evaluate import Results as Results
    from framl_keras.api.evaluate import evaluate as evaluate
    from framl_keras.api.import_weights import import_weights as import_weights
    from framl_keras.api.label_noise import label_noise as label_noise
    from framl_keras.api.parity import parity as parity
    from framl_keras.api.retrieve import retrieve as retrieve
    from framl_keras.api.train import Run as Run
    from framl_keras.api.train import train as train
    from framl_keras.embedder import Embedder as Embedder
    from framl_keras.errors import UserError as UserError
    from framl_keras.evaluation import Judging as Judging
    from framl_keras.layers import ArcMarginLayer as ArcMarginLayer
    from framl_keras.layers import CosineSimilarity as CosineSimilarity
    from framl_keras.layers import CrossCorrelation as CrossCorrelation
    from framl_keras.layers import Difference as Difference
    from framl_keras.layers import FeatureRepresentation as FeatureRepresentation
    from framl_keras.layers import StructuralSimilarity as StructuralSimilarity
    from framl_keras.recipe import Recipe as Recipe
    from framl_keras.recipe.recipe import recipe_schema as recipe_schema

_MODULES = ("backbones", "callbacks", "data", "layers", "losses", "margins", "similarities")
_HOMES = {  # module -> the names that come from it
    "api.compare_runs": ("compare_runs",),
    "api.create": ("create_embedder", "list_backbones", "list_margins", "list_similarities"),
    "api.encode_part": ("encode_part",),
    "api.evaluate": ("Results", "evaluate"),
    "api.import_weights": ("import_weights",),
    "api.label_noise": ("label_noise",),
    "api.parity": ("parity",),
    "api.retrieve": ("retrieve",),
    "api.train": ("Run", "train"),
    "embedder": ("Embedder",),
    "errors": ("UserError",),
    "evaluation.embedding_parts": ("merge_parts",),
    "evaluation.judging": ("Judging",),
    "layers": (
        "ArcMarginLayer",
        "CosineSimilarity",
        "CrossCorrelation",
        "Difference",
        "FeatureRepresentation",
        "StructuralSimilarity",
    ),
    "recipe": ("Recipe",),
    "recipe.recipe": ("recipe_schema",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_NEEDS_KERAS = (
    "api.create",
    "api.encode_part",
    "api.evaluate",
    "api.import_weights",
    "api.retrieve",
    "embedder",
    "layers",
)

__all__ = ["__version__", *sorted([*_MODULES, *_HOME_OF])]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"framl_keras.{name}")
    if name in _HOME_OF:
        home = _HOME_OF[name]
        if home in _NEEDS_KERAS:
            importlib.import_module("framl_keras.backend").choose()
        return getattr(importlib.import_module(f"framl_keras.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)


@wrapt.when_imported("keras")
def _register(keras: Any) -> None:
    """Tells Keras the names of our classes, to load saved models, and glibc to keep memory."""
    importlib.import_module("framl_keras.allocator").keep_memory()
    importlib.import_module("framl_keras.keras_registry").register(keras)
