"""The embedding model (pixels -> embedding) and the training model around it."""

from typing import Any

import keras
import numpy as np

from framl_keras import backbones
from framl_keras.layers import ArcMarginLayer, FeatureRepresentation


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
    options = {**network.head, **representation}
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

    There are two outputs: `logits` carry the margin and are trained by sparse
    cross-entropy, `plain` carry none, as at inference, and tell the accuracy.
    See `compile_for_training`.

    Args:
        embedder: a model from `embedding_model`.
        num_classes: number of identities.
        head: `arcface`, or `softmax` for a plain Dense, FRAML's `NormHead`.
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
    outputs = {"logits": logits, "plain": plain}
    return keras.Model([embedder.input, label], outputs, name="training_model")


def compile_for_training(model: keras.Model, optimizer: keras.optimizers.Optimizer) -> None:
    """Compiles a training model for `fit` on `((pixels, label), targets(label))`."""
    model.compile(
        optimizer,
        loss={"logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        metrics={"plain": keras.metrics.SparseCategoricalAccuracy(name="accuracy")},
    )
    # Builds optimizer and metrics, so that their states can be read and put back before `fit`.
    label = np.zeros(1, "int32")
    pixels = np.zeros((1, *model.inputs[0].shape[1:]), "float32")
    model._symbolic_build(data_batch=([pixels, label], targets(label)))


def targets(label: Any) -> dict[str, Any]:
    """What `fit` compares the training model's two outputs with."""
    return {"logits": label, "plain": label}
