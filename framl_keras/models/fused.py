"""A model that gives what verification, thresholds and galleries are about."""

import keras

from framl_keras.layers.mirror import Mirror, UnitLength


def fused(embedder: keras.Model, dtype: str = "uint8") -> keras.Model:
    """A model from pixels to fused embeddings: f(x) + f(mirrored x), at length one.

    It is a plain Keras model, to be saved, exported and put into an app; the run's
    thresholds hold for what it gives.

    Args:
        embedder: from RGB pixels 0…255 to embeddings.
        dtype: of the pixels: `uint8` or a float type.

    Input shape:
        That of `embedder`, `(batch, height, width, channels)`.

    Output shape:
        float32 `(batch, dim)`.

    Example:
    >>> from framl_keras.models import embedding_model
    >>> model = fused(embedding_model("FaceResNet10", 48, embedding_dim=8))
    >>> model.output_shape
    (None, 8)
    """
    pixels = keras.Input(embedder.input_shape[1:], dtype=dtype, name="pixels")
    mirrored = Mirror(name="mirror")(pixels)
    # Random layers of Keras change images unless they are told that nobody trains.
    both = [embedder(each, training=False) for each in (pixels, mirrored)]
    added = keras.layers.Add(name="both", dtype="float32")(both)
    return keras.Model(pixels, UnitLength(name="embedding")(added), name="fused")


def plain(embedder: keras.Model, dtype: str = "uint8") -> keras.Model:
    """The embedder itself, with pixels of a given type; its vectors have any length.

    Args:
        embedder: from RGB pixels 0…255 to embeddings.
        dtype: of the pixels.
    """
    pixels = keras.Input(embedder.input_shape[1:], dtype=dtype, name="pixels")
    return keras.Model(pixels, embedder(pixels, training=False), name="plain")
