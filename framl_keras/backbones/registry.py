"""Backbones by name: networks from scaled pixels to a feature map."""

import difflib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import keras

from framl_keras.errors import UserError

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Backbone(NamedTuple):
    """A network and what it wants around it.

    Attributes:
        build: `build(input_shape, weights=None)` gives a model from scaled pixels
            `(batch, height, width, 3)` to a feature map `(batch, h, w, channels)`.
        scale: what pixels 0…255 are multiplied with before the network.
        offset: what is added after that.
        head: arguments of `FeatureRepresentation` with which this network is usually trained.
    """

    build: Callable[..., keras.Model]
    scale: float = 1 / 255
    offset: float = 0.0
    head: Mapping[str, Any] = NOTHING


_known: dict[str, Backbone] = {}
_families: dict[str, Callable[[str], Backbone]] = {}


def register(name: str, backbone: Backbone) -> None:
    """Adds a backbone under a name, for recipes to use.

    Raises:
        ValueError: if the name is taken.
    """
    if name in _known:
        raise ValueError(f"`name` must be new. Received: name={name!r}")
    _known[name] = backbone


def register_family(prefix: str, find: Callable[[str], Backbone]) -> None:
    """Adds a family of backbones under `prefix:`; `find` gets what stands after the colon."""
    _families[prefix] = find


def names() -> list[str]:
    """The names that `get` knows, without those behind a prefix such as `keras_hub:`."""
    return sorted(_known)


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
        raise UserError(f"Unknown backbone {name!r}. {_instead(name)}")
    return _known[name]


def _instead(name: str) -> str:
    """What could be meant by an unknown name, and what there is."""
    by_folded = {known.casefold(): known for known in _known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.7)
    hint = f"Did you mean {by_folded[near[0]]!r}? " if near else ""
    prefixes = ", ".join(f"{prefix}:NAME" for prefix in _families)
    return f"{hint}Expected one of {', '.join(names())}; or {prefixes}."
