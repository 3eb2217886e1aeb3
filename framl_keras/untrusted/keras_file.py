"""Models and weights of Keras from files that need not be trusted.

A `.keras` file names the classes it is made of, and Keras imports the modules they are in.
So its names are held against a list first, and its weights are read by a process of its own.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from framl_keras.errors import UserError
from framl_keras.untrusted.hdf5 import check_hdf5
from framl_keras.untrusted.json_text import parse_json
from framl_keras.untrusted.zip_file import open_zip

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_PARTS = (
    *("layers", "models", "activations", "initializers", "regularizers", "constraints"),
    *("losses", "metrics", "optimizers", "dtype_policies", "quantizers", "ops", "random"),
)
_OF_TORCH = "backend.torch.optimizers."  # what Keras' optimizers are there
_PACKAGES = ("keras_cv", "keras_hub", "keras_nlp")
_LONGEST_SIDE = 8192  # of an input; Keras may make one to find out shapes
_NOT_SAVED = 1 << 20  # numbers that a model may have and its file may lack, such as seeds
_CONFIG_BYTES = 1 << 26
_ANEW = "Write the file again, or take an earlier copy."
_one_at_a_time = threading.RLock()


class RefusedError(ValueError):
    """A file that may be whole, but is made of what is not known here."""


def load_keras_model(path: Path) -> keras.Model:
    """The model in a `.keras` file, not compiled; nothing in the file is run.

    Raises:
        UserError: if it cannot be read, is damaged, or is made of classes that are not known.
    """
    if path.is_dir():
        raise UserError(f"{path}: a folder. Expected a file that Keras wrote (*.keras).")
    try:
        with open_zip(path) as archive:
            missing = {_CONFIG, _WEIGHTS} - set(archive.namelist())
            if missing:
                raise ValueError(f"it has no {' and no '.join(sorted(missing))}")
            if archive.getinfo(_CONFIG).file_size > _CONFIG_BYTES:
                raise ValueError(f"its {_CONFIG} is too large")
            config = parse_json(archive.read(_CONFIG))
            if not isinstance(config, dict):
                raise ValueError(f"its {_CONFIG} describes none")
            damaged = archive.testzip()
        if damaged:
            raise ValueError(f"{damaged[:60]!r} is damaged")
        check_config({**config, "compile_config": None})
        return _load(path, check_hdf5(path, _WEIGHTS))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        reason = " ".join(str(error).split())[:300].rstrip(".")
        remedy = "" if isinstance(error, RefusedError) else f" {_ANEW}"
        raise UserError(f"{path}: not a model that Keras can load: {reason}.{remedy}") from error


def load_keras_weights(model: keras.Model, path: Path, what: str) -> None:
    """Loads a model's weights from a `.h5` file that must hold them all.

    Keras keeps the random weights of parts that the file lacks and warns.

    Args:
        model: the model.
        path: the file.
        what: what the weights should be of, for the error.

    Raises:
        UserError: if the file is damaged, none of Keras', or holds other weights.
    """
    try:
        check_hdf5(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # Keras checks little, so damage surfaces as errors of any kind
        reason = " ".join(str(error).split())[:300].rstrip(".")
        raise UserError(f"{path}: not the weights of {what}: {reason}. {_ANEW}") from error


def check_config(config: Any) -> None:
    """Holds a model's description against what a file may ask Keras for.

    Raises:
        RefusedError: if it names a class that is neither Keras', ours nor registered, or
            holds Python code.
        ValueError: if its input is of a size that no model has.
    """
    for part in _mappings(config):
        if part.get("class_name") == "__lambda__":
            raise RefusedError(
                "it holds Python code (a Lambda layer), which is never run. Use a layer of "
                "Keras, or one registered with keras.saving.register_keras_serializable"
            )
        if "class_name" in part and "module" in part:
            _check_name(part)
        sides = part.get("batch_shape")
        if isinstance(sides, list) and any(map(_is_too_long, sides)):
            raise ValueError(f"an input of shape {str(sides)[:60]}")


def _check_name(part: dict[str, Any]) -> None:
    """Raises `RefusedError` unless a part's class may be looked up."""
    module, name = part["module"], part["class_name"]
    registered = part.get("registered_name", name)
    wanted = part.get("config") if name == "function" else registered
    if isinstance(wanted, str) and keras.saving.get_registered_object(wanted) is not None:
        return
    if not isinstance(module, str) or not _is_known(module):
        named = str(wanted if name == "function" else name)[:60]
        origin = f" from {str(module)[:60]}" if module else ""
        raise RefusedError(
            f"it is made of {named}{origin}, which is not known here. Register "
            "it (keras.saving.register_keras_serializable) and import its module first"
        )


def _is_known(module: str) -> bool:
    """Whether a module is one of those that Keras may take classes from."""
    if module in ("keras", "builtins"):
        return True
    first, _, rest = module.removeprefix("keras.src.").partition(".")
    if module.endswith("_test") or ".." in module:
        return False
    if first == "keras":
        return rest.split(".")[0] in _PARTS
    known = first in _PARTS or f"{first}.{rest}".startswith(_OF_TORCH)
    return first in _PACKAGES or (module.startswith("keras.src.") and known)


def _mappings(config: Any) -> Iterator[dict[str, Any]]:
    """Every mapping within a description."""
    parts: list[Any] = [config]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            yield part
            parts.extend(part.values())
        elif isinstance(part, list):
            parts.extend(part)


def _is_too_long(side: Any) -> bool:
    return isinstance(side, int | float) and not side <= _LONGEST_SIDE


def _load(path: Path, numbers: int) -> keras.Model:
    """Loads a model of no more weights than `numbers`."""
    try:
        with _weights_bounded(numbers + _NOT_SAVED), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what a damaged description makes classes raise is of any kind
        reason = str(error) or type(error).__name__
        raise ValueError(reason) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"it holds a {type(model).__name__}, not a model")
    return model


@contextmanager
def _weights_bounded(most: int) -> Iterator[None]:
    """While the block runs, layers built by this thread have at most so many weights in all.

    Keras makes the weights that a description asks for before it looks into the file.
    """
    thread, left = threading.get_ident(), most
    original = keras.Layer.add_weight

    def add_weight(layer: keras.Layer, shape: Any = None, *args: Any, **kwargs: Any) -> Any:
        nonlocal left
        if threading.get_ident() == thread:
            left -= _size(shape)
            if left < 0:
                raise ValueError(f"{layer.name} needs more weights than the file holds")
        return original(layer, shape, *args, **kwargs)

    with _one_at_a_time:
        keras.Layer.add_weight = add_weight
        try:
            yield
        finally:
            keras.Layer.add_weight = original


def _size(shape: Any) -> int:
    size = 1
    for side in shape if isinstance(shape, tuple | list) else ():
        size *= int(side)
    return size
