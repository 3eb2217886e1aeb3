"""Embedding models by name, and the names that there are."""

from fnmatch import fnmatchcase
from typing import Any

import keras

from framl_keras import backbones, margins, similarities
from framl_keras.models import embedding_model


def create_embedder(
    backbone: str,
    input_shape: tuple[int, int, int] = (112, 112, 3),
    embedding_dim: int = 512,
    weights: str | None = None,
    **representation: Any,
) -> keras.Model:
    """A plain Keras model from pixels to embeddings, for your own training.

    Args:
        backbone: one of `list_backbones()`.
        input_shape: `(height, width, channels)`, with 3 channels, or 1 for gray images.
        embedding_dim: length of the embedding.
        weights: `imagenet`, a weights file, or None for random weights.
        **representation: arguments of `FeatureRepresentation`, such as `dropout` or `pooling`.

    Input shape:
        pixels 0…255, `(batch, height, width, channels)`, uint8 or float; the first layer scales.

    Output shape:
        float32 `(batch, embedding_dim)`, not normalized.

    Raises:
        UserError: if the backbone is unknown or its weights are not available.
        ValueError: if the shape is not one of images.

    Example:
    >>> model = create_embedder("MobileFaceNet", (112, 96, 3), embedding_dim=128)
    >>> model.input_shape, model.output_shape
    ((None, 112, 96, 3), (None, 128))
    """
    shape = tuple(input_shape)
    if len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(
            "`input_shape` must be (height, width, 3), or (height, width, 1) for gray images. "
            f"Received: input_shape={input_shape}"
        )
    return embedding_model(backbone, shape, embedding_dim, weights=weights, **representation)


def list_backbones(pattern: str = "*") -> list[str]:
    """The names of backbones that match a pattern with `*` and `?`.

    Besides these, `keras_cv:NAME` and `keras_hub:NAME` stand for those libraries' networks.

    Example:
    >>> list_backbones("IResNet5*")
    ['IResNet50', 'IResNet50SE']
    """
    return _matching(backbones.names(), pattern)


def list_margins(pattern: str = "*") -> list[str]:
    """The names of margins that match a pattern.

    Example:
    >>> list_margins("C*Face")
    ['CosFace', 'CurricularFace']
    """
    return _matching(margins.names(), pattern)


def list_similarities(pattern: str = "*") -> list[str]:
    """The names of similarities that match a pattern.

    Example:
    >>> list_similarities("*corr")
    ['corr', 'fft_corr', 'direct_corr']
    """
    return _matching(similarities.names(), pattern)


def _matching(names: Any, pattern: str) -> list[str]:
    return [name for name in names if fnmatchcase(name.casefold(), pattern.casefold())]
