"""Encoding one part of a list, so that many machines share it."""

import os
from pathlib import Path
from typing import Any

from framl_keras import backend
from framl_keras.data.inputs import InputImages, input_images
from framl_keras.data.parts import Part, WrittenPart, check_settings, hash_of
from framl_keras.embedder import Embedder
from framl_keras.evaluation.embed import BATCH_SIZE
from framl_keras.evaluation.embedding_parts import read_part, write_part


def encode_part(
    embedder: Embedder,
    images: Any,
    output: str | os.PathLike[str],
    part: tuple[int, int],
    fused: bool = True,
    align: str = "auto",
    progress: bool = False,
) -> WrittenPart:
    """Embeds part `i` of `n` of a list of images and keeps it beside an output.

    A part that is there already, with the same settings, is left alone. `merge_parts` gives
    what one process would have given, bit for bit.

    Args:
        embedder: computes the vectors.
        images: the whole list, the same for every part; see `Embedder.embed`.
        output: where the union is to go; parts lie in `<output>.parts`.
        part: `(i, n)`, i from 1.
        fused: adds the mirror image's vector.
        align: see `Embedder.embed`.
        progress: shows a bar.

    Returns:
        The part's file, whether it was written now, and which images could not be read.

    Raises:
        UserError: if there is no such part, it is there with other settings, or cannot be
            written.

    Example:
    >>> encode_part(embedder, "photos", "photos.npy", (1, 8))  # doctest: +SKIP
    >>> merge_parts("photos.npy").save("photos.npy")  # doctest: +SKIP
    """
    chosen, inputs = Part(*part), input_images(images)
    settings = settings_of(embedder, inputs, fused, align)
    file = chosen.file(Path(output))
    if file.is_file():
        there, before = read_part(file)
        check_settings(file, before, settings)
        return WrittenPart(file, False, there.left_out)
    options: Any = {"fused": fused, "align": align, "progress": progress, "part": part}
    embeddings = embedder.encode(inputs, on_error="skip", **options)
    write_part(file, embeddings, settings)
    return WrittenPart(file, True, embeddings.left_out)


def settings_of(
    embedder: Embedder, images: InputImages, fused: bool = True, align: str = "auto"
) -> dict[str, Any]:
    """What all parts of a list must have in common."""
    return {
        "backend": backend.choose(),
        "batch": BATCH_SIZE,
        "weights": embedder.weights_hash,
        "engine": embedder.engine_for(len(images)),
        "fused": fused,
        "align": align,
        **embedder.view.facts(),
        "images": len(images),
        "list": hash_of(images.names),
    }
