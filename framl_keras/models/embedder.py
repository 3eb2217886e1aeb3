"""The embedding model: pixels -> embedding."""

import re
from typing import Any

import keras

from framl_keras import backbones
from framl_keras.backbones import Backbone
from framl_keras.errors import UserError
from framl_keras.layers import FeatureRepresentation

LARGE = 224  # a side for which every network builds
BACKBONE = "backbone"  # what the network is called where its own name does not matter


def embedding_model(
    backbone: str,
    image_size: int | tuple[int, ...],
    embedding_dim: int = 512,
    embedding_l2: float = 0.0,
    weights: str | None = None,
    **representation: Any,
) -> keras.Model:
    """Builds a model from pixels to embeddings; its first layer scales the pixels.

    Args:
        backbone: name of the network, see `framl_keras.backbones.names()`.
        image_size: side of the input in pixels, or `(height, width)`, or
            `(height, width, channels)` with 1 channel for gray images.
        embedding_dim: length of the embedding.
        embedding_l2: L2 penalty on the kernel of the embedding's Dense, and on nothing else.
        weights: `imagenet`, a weights file, or `None` for random weights.
        **representation: further arguments of `FeatureRepresentation`, such as `dropout`
            or `pooling`; the backbone's own choices hold where they are left out.

    Input shape:
        RGB pixels 0…255, `(batch, image_size, image_size, 3)`, uint8 or float; gray ones are
        seen by the network as three equal channels.

    Output shape:
        float32 `(batch, embedding_dim)`, not normalized.

    Raises:
        UserError: if the backbone is unknown, its weights are not available, or the images are
            too small for it.

    Example:
    >>> model = embedding_model("MobileNetV2", image_size=112)
    >>> model.output_shape
    (None, 512)
    """
    network = backbones.get(backbone)
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    channels = sides[2] if len(sides) == 3 else 3
    shape = (*sides[:2], 3)
    pixels = keras.Input((*sides[:2], channels), name="pixels")
    scaled = keras.layers.Rescaling(network.scale, network.offset, name="scaling")(pixels)
    if channels == 1:
        scaled = keras.layers.Concatenate(name="gray_to_color")([scaled] * 3)
    features = _network(backbone, network, shape, weights)(scaled)
    options = {**network.head, **representation}
    if embedding_l2:
        options["kernel_regularizer"] = keras.regularizers.L2(embedding_l2)
    embedding = FeatureRepresentation(embedding_dim, name="representation", **options)(features)
    return keras.Model(pixels, embedding, name="embedder")


def _network(
    name: str, network: Backbone, shape: tuple[int, ...], weights: str | None
) -> keras.Model:
    """The network for a shape.

    Raises:
        UserError: if it builds for larger images only, and from which side on; or if Keras does
            not have it on this backend.
    """
    try:
        return _built(network, shape, weights)
    except UserError:
        raise
    except Exception as error:
        if missing := re.search(r"not available with the (\w+) backend", str(error)):
            raise UserError(
                f"Keras does not have the backbone {name} on {missing[1]}. Choose another backend "
                "(KERAS_BACKEND) or backbone."
            ) from None
        least = _least_side(network, min(shape[:2]), str(error))
        if least is None:
            raise
        raise UserError(
            f"The backbone {name} is made for images of at least {least}x{least} pixels. "
            f"Received: {shape[0]}x{shape[1]}. Raise data.image_size, or choose a network that "
            "takes smaller ones, such as MobileFaceNet."
        ) from None


def _least_side(network: Backbone, side: int, message: str) -> int | None:
    """The least side that a network takes, where `side` is too small for it, and else None."""
    if told := re.search(r"at least (\d+)x\1", message):
        least = int(told[1])
        return least if least > side else None
    below, above = side, LARGE
    if below >= above or not _builds(network, above):
        return None
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if _builds(network, middle) else (middle, above)
    return above


def _built(network: Backbone, shape: tuple[int, ...], weights: str | None) -> keras.Model:
    """The network, of which something is left at its end; Keras before 3.13 lets it vanish."""
    model = network.build(shape, weights=weights)
    if any(side is not None and side < 1 for side in model.output_shape[1:]):
        raise ValueError(f"nothing is left of the image: {model.output_shape}")
    return model


def _builds(network: Backbone, side: int) -> bool:
    """Whether a network can be made for square images of a side."""
    try:
        _built(network, (side, side, 3), None)
    except Exception:  # whatever a library raises where a feature map vanishes
        return False
    return True


def network_of(embedder: keras.Model) -> keras.Model:
    """The backbone within an embedding model.

    Raises:
        ValueError: if there is none.
    """
    networks = [layer for layer in embedder.layers if isinstance(layer, keras.Model)]
    if not networks:
        raise ValueError(f"`embedder` must hold a network. Received: {embedder.name}")
    return networks[0]
