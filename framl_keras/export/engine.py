"""What computes an embedder's vectors: Keras, or a file of its model that a runtime runs."""

import hashlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.export.export import MOST_IMAGES, export
from framl_keras.export.formats import FORMATS, writers_of
from framl_keras.export.runtimes import Function, open_exported
from framl_keras.version import __version__

log = logging.getLogger(__name__)

AUTO, KERAS, ONNX = "auto", "keras", "onnx"
ENGINES = (AUTO, KERAS, ONNX, "openvino")
CACHE = "FRAML_KERAS_CACHE"
MANY = 256  # images from which on folding a Keras model pays
A_JOB = 20_000  # images from which on exporting a model pays, on a processor
SMALL = 4096  # numbers of a variable up to which it tells whether a model was trained on


def check_engine(name: str) -> str:
    """The name itself, if there is such an engine here.

    Raises:
        UserError: if there is none, or what it needs is not installed.
    """
    if name not in ENGINES:
        raise UserError(f"Unknown engine {name!r}. Expected one of {', '.join(ENGINES)}.")
    if name not in (AUTO, KERAS):
        writers_of(name)
    return name


class Engine:
    """Computes the vectors of a Keras model, in the fewest operations.

    With `onnx` and `openvino` the model is exported when it is first used, compared with
    Keras on the images that it then sees, and kept in a cache by the hash of its weights.
    With `keras` batch norms are folded once there are many images. `auto` is `onnx` for
    20,000 images and more on a processor, where it is installed and can have the model, and
    `keras` otherwise. Files compute in float32: `auto` leaves models of half precision to Keras.

    Args:
        model: from RGB pixels 0…255 to embeddings.
        name: one of `ENGINES`.

    Raises:
        UserError: see `check_engine`.

    Example:
    >>> import keras
    >>> pixels = keras.Input((8, 8, 3))
    >>> model = keras.Model(pixels, keras.layers.Flatten()(pixels))
    >>> engine = Engine(model, "auto")
    >>> engine.ready(1).predict_on_batch(np.zeros((1, 8, 8, 3), "uint8")).shape, engine.chosen(1)
    ((1, 192), 'keras')
    """

    def __init__(self, model: Any, name: str = AUTO):
        self.model, self.name = model, check_engine(name)
        if name in (AUTO, KERAS):
            from framl_keras.keras_internals import spare_torch_detours

            spare_torch_detours()
        self._mark = ""
        self._made: dict[str, Any] = {}
        self._refused = False

    def chosen(self, images: int = MANY) -> str:
        """The engine that computes for so many images: this one, or what `auto` takes.

        Args:
            images: how many there will be.
        """
        self._look()
        if self.name != AUTO:
            return self.name
        if images < A_JOB or self._refused or not self._pays():
            return KERAS
        if ONNX not in self._made:
            try:
                self._made[ONNX] = _exported_for_a_job(self.model)
            except UserError as error:
                self._refused = True
                log.warning("Keras computes the embeddings, since onnx does not: %s", error)
                return KERAS
        return ONNX

    def ready(self, images: int = MANY) -> Any:
        """What has `predict_on_batch`, for the weights that the model has now.

        Args:
            images: how many there will be.
        """
        chosen = self.chosen(images)
        if chosen not in self._made and chosen != KERAS:
            self._made[chosen] = Exported(self.model, chosen)
        elif chosen not in self._made and images >= MANY:
            from framl_keras.models.folded import folded

            self._made[chosen] = folded(self.model)
        return self._made.get(chosen, self.model)

    def _look(self) -> None:
        """Forgets what was made of other weights."""
        mark = _mark_of(self.model)
        if mark != self._mark:
            self._mark, self._made, self._refused = mark, {}, False

    def _pays(self) -> bool:
        """Whether a file would be faster than Keras, give the same, and can be written here."""
        from framl_keras.models.device import device_of
        from framl_keras.models.precision import half_policy_of

        try:
            is_apt = device_of(self.model) == "CPU" and half_policy_of(self.model) is None
            return is_apt and bool(writers_of(ONNX))
        except UserError:
            return False


class Exported:
    """A model's file, which stands where the model does for embedding.

    Args:
        model: the Keras model.
        name: of the format.
    """

    def __init__(self, model: Any, name: str):
        self._model, self._name = model, name
        self._function: Function | None = None

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The embeddings `(n, dim)` of uint8 pixels `(n, height, width, channels)`."""
        if self._function is None:
            self.open(pixels)
        assert self._function is not None
        return self._function(np.ascontiguousarray(pixels))

    def open(self, pixels: np.ndarray) -> None:
        """Opens the file, which is written if it is not there.

        Args:
            pixels: what it is compared with Keras on.

        Raises:
            UserError: see `export`; also if the file is damaged.
        """
        path = file_of(self._model, self._name)
        if not path.exists():
            seen = pixels[pixels.any(axis=(1, 2, 3))]  # batches are filled up with zeros
            export(self._model, path, (seen if len(seen) else pixels)[:MOST_IMAGES], self._name,
                   plain=True)  # fmt: skip
        self._function = open_exported(path, self._name)


def _exported_for_a_job(model: Any) -> Exported:
    """A model's file by ONNX, compared with Keras on images that are made up."""
    exported, rng = Exported(model, ONNX), np.random.default_rng(0)
    height, width, channels = model.input_shape[1:]
    coarse = rng.integers(0, 200, (16, 8, 8, channels))
    rows, columns = (np.arange(side) * 8 // side for side in (height, width))
    fine = rng.integers(0, 56, (16, height, width, channels))
    log.info("Many images: the model is exported to ONNX, which embeds faster (--engine keras "
             "leaves it to Keras).")  # fmt: skip
    exported.open((coarse[:, rows][:, :, columns] + fine).astype(np.uint8))
    return exported


def file_of(model: Any, name: str) -> Path:
    """Where a model's file in a format is kept, by weights, layers and versions."""
    import keras

    from framl_keras.models.weights_hash import weights_hash

    known = f"{weights_hash(model)} {model.to_json()} {keras.__version__} {__version__}"
    digest = hashlib.blake2b(known.encode(), digest_size=16).hexdigest()
    return cache_folder() / digest / name / f"embedder{FORMATS[name].suffix}"


def cache_folder() -> Path:
    """Where files of engines are kept: `FRAML_KERAS_CACHE`, or the system's place for such."""
    if chosen := os.environ.get(CACHE):
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "framl-keras" / "engines"


def _mark_of(model: Any) -> str:
    """A quick hash that changes when a model is trained on: of its small variables, or of all."""
    small = [each for each in model.variables if 0 < int(np.prod(each.shape)) <= SMALL]
    digest = hashlib.blake2b(digest_size=16)
    for each in small or model.variables:
        digest.update(np.ascontiguousarray(each.numpy()).tobytes())
    return digest.hexdigest()
