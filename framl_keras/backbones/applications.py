"""The networks of `keras.applications`, without their classifiers."""

from typing import Any

import keras

from framl_keras.backbones.fetching import Fetching
from framl_keras.backbones.registry import Backbone
from framl_keras.backbones.weights_file import check_weights_file, load_weights_file
from framl_keras.types import Options

SEED = (1 / 255, 0.0)  # FRAML's scaling, whatever the weights were trained with
SYMMETRIC = (1 / 127.5, -1.0)
INSIDE = (1.0, 0.0)  # the network scales by itself

KEEP_THEIR_NAMES = "EfficientNetV2"  # Keras looks their blocks up by the network's name

WITHOUT = "Go on without (`weights: null`), or give a downloaded file (`weights: FILE.h5`)."

SCALING = {  # the pixels that the networks of a name that begins so expect, else FRAML's
    "ConvNeXt": INSIDE,
    "EfficientNet": INSIDE,
    "Inception": SYMMETRIC,
    "MobileNetV3": INSIDE,
    "NASNet": SYMMETRIC,
    "Xception": SYMMETRIC,
}


def application_names() -> list[str]:
    """What `keras.applications` offers."""
    return [name for name in dir(keras.applications) if name[:1].isupper()]


def application(name: str) -> Backbone:
    """A network of `keras.applications` as a backbone."""
    scale, offset = next((SCALING[start] for start in SCALING if name.startswith(start)), SEED)

    def build(
        input_shape: tuple[int, int, int], weights: str | None = None, **options: Any
    ) -> keras.Model:
        return _build(name, input_shape, weights, options)

    return Backbone(build, scale, offset)


def _build(
    name: str, input_shape: tuple[int, int, int], weights: str | None, options: Options
) -> keras.Model:
    """The network without its classifier: random, with Keras' weights, or a file's."""
    known = weights in (None, "imagenet")
    if weights is not None and not known:
        check_weights_file(weights)
    if not name.startswith(KEEP_THEIR_NAMES):
        options = {"name": name, **options}
    with Fetching(f"The ImageNet weights of {name}", WITHOUT):
        network = getattr(keras.applications, name)(
            include_top=False,
            weights=weights if known else None,
            input_shape=input_shape,
            **options,
        )
    if weights is not None and not known:
        load_weights_file(network, weights)
    return network
