"""Backbones by name: networks from scaled pixels to a feature map."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import keras

from framl_keras.errors import UserError
from framl_keras.registry import Registry, unknown

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Backbone(NamedTuple):
    """A network and what it wants around it.

    Attributes:
        build: `build(input_shape, weights=None)` gives a model from scaled pixels
            `(batch, height, width, 3)` to a feature map `(batch, h, w, channels)`.
        scale: what pixels 0…255 are multiplied with before the network.
        offset: what is added after that.
        head: arguments of `FeatureRepresentation` with which this network is usually trained.

    Example:
    >>> def small(input_shape, weights=None):
    ...     pixels = keras.Input(input_shape)
    ...     return keras.Model(pixels, keras.layers.Conv2D(8, 3, strides=4)(pixels))
    >>> Backbone(small, scale=1 / 127.5, offset=-1.0).build((32, 32, 3)).output_shape
    (None, 8, 8, 8)
    """

    build: Callable[..., keras.Model]
    scale: float = 1 / 255
    offset: float = 0.0
    head: Mapping[str, Any] = NOTHING


_known: Registry[Backbone] = Registry("backbone")
_families: dict[str, Callable[[str], Backbone]] = {}


def register(name: str, backbone: Any = None, *, replace: bool = False) -> Any:
    """Adds a backbone under a name, for recipes and `create_embedder` to use.

    Args:
        name: its name.
        backbone: a `Backbone`, or only its `build(input_shape, weights=None)` for one that takes
            pixels 0…1; None to use this as a decorator of such a function.
        replace: takes the place of what has the name already.

    Returns:
        What was registered, or the decorator.

    Raises:
        ValueError: if the name is taken.
        TypeError: if it is neither.

    Example:
    >>> @register("OneConvolution", replace=True)
    ... def build(input_shape, weights=None):
    ...     pixels = keras.Input(input_shape)
    ...     return keras.Model(pixels, keras.layers.Conv2D(8, 3, 2)(pixels))
    >>> get("OneConvolution").build((32, 32, 3)).output_shape
    (None, 15, 15, 8)
    """
    if backbone is None:
        return lambda build: register(name, build, replace=replace)
    if not isinstance(backbone, Backbone) and not callable(backbone):
        raise TypeError(
            "`backbone` must be a Backbone or a function (input_shape, weights=None). "
            f"Received: backbone={backbone!r}"
        )
    added = backbone if isinstance(backbone, Backbone) else Backbone(backbone)
    _known.register(name, added, replace=replace)
    return backbone


def register_family(prefix: str, find: Callable[[str], Backbone]) -> None:
    """Adds a family of backbones under `prefix:`; `find` gets what stands after the colon.

    Example:
    >>> register_family("mine", lambda rest: get("FaceResNet10"))  # then `mine:small` names one
    """
    _families[prefix] = find


def names() -> list[str]:
    """The names that `get` knows, without those behind a prefix such as `keras_hub:`.

    Example:
    >>> "MobileFaceNet" in names()
    True
    """
    return sorted(_known.names())


def get(name: str) -> Backbone:
    """Looks a backbone up.

    Args:
        name: one of `names()`, or a prefix, a colon and a name, such as
            `keras_hub:resnet_50_imagenet`.

    Raises:
        UserError: if there is none of that name, or its package is not installed.

    Example:
    >>> get("IResNet50").offset
    -1.0
    """
    prefix, colon, rest = name.partition(":")
    if colon and prefix in _families:
        return _families[prefix](rest)
    if name not in _known:
        prefixes = ", ".join(f"{prefix}:NAME" for prefix in _families)
        raise UserError(unknown("backbone", name, names(), prefixes))
    return _known[name]
