"""The networks of `keras.applications`, without their classifiers."""

from types import TracebackType
from typing import Any

import keras

from framl_keras.backbones.registry import Backbone
from framl_keras.backbones.weights_file import check_weights_file, load_weights_file
from framl_keras.errors import UserError

SEED = (1 / 255, 0.0)  # FRAML's scaling, whatever the weights were trained with
SYMMETRIC = (1 / 127.5, -1.0)
INSIDE = (1.0, 0.0)  # the network scales by itself

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
    name: str, input_shape: tuple[int, int, int], weights: str | None, options: dict
) -> keras.Model:
    """The network without its classifier: random, with Keras' weights, or a file's."""
    known = weights in (None, "imagenet")
    if weights is not None and not known:
        check_weights_file(weights)
    with _FetchFailure(name):
        network = getattr(keras.applications, name)(
            include_top=False,
            weights=weights if known else None,
            input_shape=input_shape,
            name=name,
            **options,
        )
    if weights is not None and not known:
        load_weights_file(network, weights)
    return network


class _FetchFailure:
    """Says in one line that weights could not be fetched; Keras raises a bare `Exception`."""

    def __init__(self, name: str):
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if (kind is Exception and "URL fetch failure" in str(error)) or isinstance(error, OSError):
            reason = " ".join(str(error).split())
            raise UserError(
                f"The ImageNet weights of {self.name} could not be fetched ({reason}). Go on "
                "without (`weights: null`), or give a downloaded file (`weights: FILE.h5`)."
            ) from None
