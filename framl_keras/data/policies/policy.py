"""A layer of Keras or KerasCV as a pure function of image, seed and index."""

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from framl_keras.data.policies.aug_mix import drawn_in_graph
from framl_keras.data.policies.catalog import find
from framl_keras.data.policies.draws import Draws, drawing_from, sample_seeds
from framl_keras.data.policies.options import arguments
from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.types import Size, sides

_KERAS = "framl_keras.keras_internals"  # importing the data does not import Keras

_EXTRAS = {"keras": "tensorflow", "keras_cv": "cv"}
_STATEFUL = ("Random", "Stateful", "TruncatedNormal", "Multinomial", "ReadVariable")


class Policy:
    """Varies images as a layer of Keras or KerasCV does, on the host.

    What becomes of sample `i` is a function of (seed, `i`) and its pixels: the layer is
    traced once, by TensorFlow on every backend, into a graph that has the sample's seed as
    an input and no state. So neither the size of batches nor threads, the backend or where
    a run goes on make a difference.

    Args:
        name: the layer, such as `keras_cv.rand_augment` or `keras.RandomHue`.
        size: side of the images in pixels, or height and width.
        options: the layer's own arguments.

    Raises:
        UserError: if there is no such layer, an option is not one of the layer's or out of
            its range, or a package that it needs is not installed.

    Example:

    >>> images = np.zeros((8, 112, 112, 3), np.uint8)
    >>> policy = Policy("keras.random_flip", size=112)  # doctest: +SKIP
    >>> policy(images, seed=0, first=256)  # doctest: +SKIP
    """

    def __init__(self, name: str, size: Size, options: Mapping[str, Any] | None = None):
        self.name, self.size, self.options = name, size, dict(options or {})
        package, layer = find(name)
        purpose = f"data.augment: the policy {name}"
        tf = require("tensorflow", _EXTRAS[package], purpose)
        library, keras = (require(need, _EXTRAS[package], purpose) for need in (package, "keras"))
        if not hasattr(library.layers, layer):
            raise UserError(f"{purpose} is not in this version of {package}. Install a newer one.")
        kind = getattr(library.layers, layer)
        options = arguments(name, kind, self.options, size)
        self._on_processor = on_processor(tf, keras)
        draws = Draws(tf)
        with (
            self._on_processor(),
            drawing_from(draws, tf, keras),  # first, for one thread at a time is within
            _in_float32(keras),
            histograms_of_tensorflow(),
        ):
            self._view = _traced(tf, _made(name, kind, options), draws, size)
        _check_has_no_state(name, self._view)

    def __call__(self, images: np.ndarray, seed: int, first: int) -> None:
        """Changes images in place.

        Args:
            images: uint8 `(n, height, width, 3)`.
            seed: of the run.
            first: index of the first image in the run.
        """
        with self._on_processor():
            for image, image_seed in zip(
                images, sample_seeds(seed, first, len(images)), strict=True
            ):
                image[:] = self._view(image, image_seed).numpy()

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return Policy, (self.name, self.size, self.options)


def _made(name: str, kind: type, options: dict[str, Any]) -> Any:
    """The layer."""
    if kind.__module__.startswith("keras.") and kind.__name__ == "AugMix":
        kind = drawn_in_graph(kind)
    try:
        return kind(**options)
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"data.augment.options: {name} cannot be made: {reason}") from None


def _traced(tf: Any, layer: Any, draws: Draws, size: Size) -> Callable[..., Any]:
    """The layer as a graph from (uint8 `(height, width, 3)`, int32 `(2,)`) to pixels."""
    takes_mode = "training" in inspect.signature(layer.call).parameters
    mode = {"training": True} if takes_mode else {}

    shape = (*sides(size), 3)

    def view(image: Any, seed: Any) -> Any:
        draws.start(seed)
        pixels = layer(tf.cast(image, "float32"), **mode)
        pixels = tf.clip_by_value(tf.reshape(pixels, shape), 0, 255)
        return tf.cast(tf.round(pixels), "uint8")

    image, seed = tf.TensorSpec(shape, "uint8"), tf.TensorSpec((2,), "int32")
    return tf.function(view).get_concrete_function(image, seed)


def _check_has_no_state(name: str, view: Any) -> None:
    """Raises `UserError` if a graph draws or remembers something by itself."""
    graph = view.graph.as_graph_def()
    functions = [node for function in graph.library.function for node in function.node_def]
    kinds = {node.op for node in [*graph.node, *functions]}
    if state := sorted(kind for kind in kinds if kind.startswith(_STATEFUL)):
        raise UserError(
            f"data.augment: {name} has randomness of its own in this version "
            f"({', '.join(state)}), so its images cannot be repeated. Choose another policy."
        )


@contextlib.contextmanager
def _in_float32(keras: Any) -> Iterator[None]:
    """Layers made within compute in float32, whatever the network does."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)


def on_processor(tf: Any, keras: Any) -> Callable[[], Any]:
    """A context in which TensorFlow computes on the processor.

    On another backend TensorFlow is kept from seeing a GPU, whose memory it would claim.

    Args:
        tf: TensorFlow.
        keras: Keras.
    """
    if keras.backend.backend() != "tensorflow":
        with contextlib.suppress(RuntimeError):  # somebody uses it on the GPU already
            tf.config.set_visible_devices([], "GPU")
    return lambda: tf.device("CPU:0")


@contextlib.contextmanager
def histograms_of_tensorflow() -> Iterator[None]:
    """A context in which Keras' `Equalization` counts with TensorFlow, in whose graph it runs.

    For JAX it unrolls a comparison for each of 256 values, and a `RandAugment` has
    eleven thousand nodes. The histogram is the same.
    """
    equalization = importlib.import_module(_KERAS).equalization_module()
    if equalization is None:  # another version of Keras, whose histogram is its own affair
        yield
        return
    backend = equalization.__dict__["backend"]
    equalization.__dict__["backend"] = _AsOnTensorFlow(backend)
    try:
        yield
    finally:
        equalization.__dict__["backend"] = backend


class _AsOnTensorFlow:
    """Keras' backend module under TensorFlow's name."""

    def __init__(self, module: Any):
        self._module = module

    def backend(self) -> str:
        return "tensorflow"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
