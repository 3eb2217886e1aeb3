"""What KerasCV's and KerasHub's networks have in common: tables, presets, weights."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras

from framl_keras.backbones.fetching import Fetching
from framl_keras.backbones.registry import Backbone
from framl_keras.backbones.weights_file import check_weights_file, load_weights_file
from framl_keras.errors import UserError
from framl_keras.optional import require

PRESET_WEIGHTS = ("imagenet", "preset")
_EXTRAS = {"keras_cv": "cv", "keras_hub": "hub"}

Shape = tuple[int, int, int]


class Library(NamedTuple):
    """A library of networks.

    Attributes:
        package: its name, and the prefix of its backbones.
        networks: name -> class in `package.models` and its arguments. They are built
            here because the library's own classes of such names fetch a configuration.
        arguments: from an input shape to arguments that every network takes.
        preset: `preset(package, name, input_shape, load_weights)` builds a preset, its
            scaling of pixels included.
    """

    package: str
    networks: Mapping[str, tuple[str, Mapping[str, Any]]]
    arguments: Callable[[Shape], Mapping[str, Any]]
    preset: Callable[[Any, str, Shape, bool], keras.Model]

    def find(self, name: str) -> Backbone:
        """A network by its name in `networks`, or by a preset's name or folder.

        Raises:
            UserError: if it is neither, or the package is not installed.
        """
        self._package(name)
        if name in self.networks:
            return Backbone(_builder(self, name, self._from_table))
        if name != name.lower() and "/" not in name:
            raise UserError(f"Unknown backbone {self.package}:{name}. {self._instead(name)}")
        return Backbone(_builder(self, name, self._from_preset), scale=1.0)

    def _package(self, name: str) -> Any:
        return require(self.package, _EXTRAS[self.package], f"The backbone {self.package}:{name}")

    def _from_table(self, name: str, input_shape: Shape, weights: str | None) -> keras.Model:
        if weights in PRESET_WEIGHTS:
            raise UserError(
                f"{self.package}:{name} is built without weights. Expected `weights: null`, a "
                f"file, or a preset such as {self.package}:resnet50_imagenet as the backbone."
            )
        kind, options = self.networks[name]
        package = self._package(name)
        return getattr(package.models, kind)(**options, **self.arguments(input_shape))

    def _from_preset(self, name: str, input_shape: Shape, weights: str | None) -> keras.Model:
        package = self._package(name)
        instead = f"Expected a preset of {self.package}, its folder, or a network that needs "
        instead += f"nothing fetched: {', '.join(self.networks)}."
        with Fetching(f"The preset {name}", instead, unknown=(ValueError, KeyError)):
            return self.preset(package, name, input_shape, weights in PRESET_WEIGHTS)

    def _instead(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.networks, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        return f"{hint}Expected one of {', '.join(self.networks)}, or a preset."


def _builder(
    library: Library, name: str, make: Callable[[str, Shape, str | None], keras.Model]
) -> Callable[..., keras.Model]:
    """A backbone's `build`: a plain model, which loads without the library's classes."""
    own_name = f"{library.package}_{name}".replace("/", "_").replace(":", "_")

    def build(input_shape: Shape, weights: str | None = None) -> keras.Model:
        from_file = weights is not None and weights not in PRESET_WEIGHTS
        if from_file:
            check_weights_file(str(weights))
        network = make(name, input_shape, weights)
        _check_feature_map(own_name, network.output)
        plain = keras.Model(network.inputs[0], network.output, name=own_name)
        if from_file:
            load_weights_file(plain, str(weights))
        return plain

    return build


def _check_feature_map(name: str, output: Any) -> None:
    """Raises `UserError` unless a network ends with one feature map."""
    if len(getattr(output, "shape", ())) != 4:
        raise UserError(f"{name} gives no feature map (batch, h, w, channels). Choose another.")
