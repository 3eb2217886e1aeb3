"""The embedding model (pixels -> embedding) and the training model around it."""

from typing import Any

import keras

from framl_keras import backbones
from framl_keras.layers import ArcMarginLayer, FeatureRepresentation
from framl_keras.margin_free import MarginFreeAccuracy


def embedding_model(
    backbone: str,
    image_size: int,
    embedding_dim: int = 512,
    dropout: float = 0.5,
    embedding_l2: float = 0.0,
    weights: str | None = None,
    **representation: Any,
) -> keras.Model:
    """Builds a model from pixels to embeddings; its first layer scales the pixels.

    Args:
        backbone: name of the network, see `framl_keras.backbones.names()`.
        image_size: side of the input in pixels.
        embedding_dim: length of the embedding.
        dropout: part of the feature map dropped in training.
        embedding_l2: L2 penalty on the kernel of the embedding's Dense, and on nothing else.
        weights: `imagenet`, a weights file, or `None` for random weights.
        **representation: further arguments of `FeatureRepresentation`; they come
            before the backbone's own preferences.

    Input shape:
        RGB pixels 0…255, `(batch, image_size, image_size, 3)`, uint8 or float.

    Output shape:
        float32 `(batch, embedding_dim)`, not normalised.

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
    options = {**network.head, "dropout": dropout, **representation}
    if embedding_l2:
        options["kernel_regularizer"] = keras.regularizers.L2(embedding_l2)
    embedding = FeatureRepresentation(embedding_dim, name="representation", **options)(features)
    return keras.Model(pixels, embedding, name="embedder")


def training_model(
    embedder: keras.Model,
    num_classes: int,
    head: str = "arcface",
    margin: float = 0.5,
    scale: float = 64.0,
) -> keras.Model:
    """Builds the model that is trained: `(pixels, label)` -> logits.

    It is compiled with plain sparse cross-entropy from logits and reports
    `accuracy` on logits without the margin.

    Args:
        embedder: a model from `embedding_model`.
        num_classes: number of identities.
        head: `arcface` or `softmax`, a plain Dense that FRAML calls `NormHead`.
        margin: ArcFace's additive angle in radians.
        scale: what ArcFace's cosines are multiplied with.

    Raises:
        ValueError: if the head is unknown.
    """
    label = keras.Input((), dtype="int32", name="label")
    embedding = embedder.output
    if head == "arcface":
        layer = ArcMarginLayer(num_classes, margin=margin, scale=scale, name="head")
        logits, plain = layer(embedding, label), layer(embedding)
    elif head == "softmax":
        plain = logits = keras.layers.Dense(num_classes, dtype="float32", name="head")(embedding)
    else:
        raise ValueError(f"Unknown head. Expected one of arcface, softmax. Received: head={head!r}")
    logits = MarginFreeAccuracy(name="margin_free_accuracy")(logits, plain, label)
    return keras.Model([embedder.input, label], logits, name="training_model")
