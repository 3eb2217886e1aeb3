"""The embedding model: pixels -> embedding."""

from typing import Any

import keras

from framl_keras import backbones
from framl_keras.layers import FeatureRepresentation

BACKBONE = "backbone"  # what the network is called where its own name does not matter


def embedding_model(
    backbone: str,
    image_size: int,
    embedding_dim: int = 512,
    embedding_l2: float = 0.0,
    weights: str | None = None,
    **representation: Any,
) -> keras.Model:
    """Builds a model from pixels to embeddings; its first layer scales the pixels.

    Args:
        backbone: name of the network, see `framl_keras.backbones.names()`.
        image_size: side of the input in pixels.
        embedding_dim: length of the embedding.
        embedding_l2: L2 penalty on the kernel of the embedding's Dense, and on nothing else.
        weights: `imagenet`, a weights file, or `None` for random weights.
        **representation: further arguments of `FeatureRepresentation`, such as `dropout`
            or `pooling`; the backbone's own choices hold where they are left out.

    Input shape:
        RGB pixels 0…255, `(batch, image_size, image_size, 3)`, uint8 or float.

    Output shape:
        float32 `(batch, embedding_dim)`, not normalized.

    Raises:
        UserError: if the backbone is unknown or its weights cannot be had.

    Example:
    >>> model = embedding_model("MobileNetV2", image_size=112)
    >>> model.output_shape
    (None, 512)
    """
    network = backbones.get(backbone)
    shape = (image_size, image_size, 3)
    pixels = keras.Input(shape, name="pixels")
    scaled = keras.layers.Rescaling(network.scale, network.offset, name="scaling")(pixels)
    features = network.build(shape, weights=weights)(scaled)
    options = {**network.head, **representation}
    if embedding_l2:
        options["kernel_regularizer"] = keras.regularizers.L2(embedding_l2)
    embedding = FeatureRepresentation(embedding_dim, name="representation", **options)(features)
    return keras.Model(pixels, embedding, name="embedder")


def network_of(embedder: keras.Model) -> keras.Model:
    """The backbone within an embedding model.

    Raises:
        ValueError: if there is none.
    """
    found = [layer for layer in embedder.layers if isinstance(layer, keras.Model)]
    if not found:
        raise ValueError(f"`embedder` must hold a network. Received: {embedder.name}")
    return found[0]
