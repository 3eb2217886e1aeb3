"""Embedders of weights that others published, checked against the original."""

import os
from pathlib import Path

from framl_keras.embedder import Embedder
from framl_keras.errors import UserError
from framl_keras.published import import_weights as read_weights
from framl_keras.published.imported import Imported
from framl_keras.runs.checkpoint import is_checkpoint
from framl_keras.runs.open_embedder import open_embedder

LISTED = 6  # names of tensors in one sentence


def import_weights(
    source: str | os.PathLike[str],
    name: str | None = None,
    image_size: int = 112,
    embedding_dim: int | None = None,
    tolerance: float = 1e-4,
    layout: str | None = None,
) -> Embedder:
    """Makes an embedder of published weights and compares it with the original.

    Args:
        source: a torch state dict of insightface's arcface_torch or AdaFace (`.pth`, `.pt`,
            `.ckpt`, `.safetensors`), an ONNX file of insightface's IResNets (`.onnx`), a
            TensorFlow checkpoint of FRAML or arcface-tf2 (`.index`), or a `.keras` model,
            `.weights.h5` or checkpoint of ours.
        name: what the weights are of, such as `iresnet50`, `mbf`, `adaface_ir50`.
        image_size: side of the input in pixels.
        embedding_dim: for `.weights.h5` only.
        tolerance: the largest difference to the original's unit embeddings to accept.
        layout: `arcface_torch` or `magface`, whose tensors have the same names.

    Returns:
        The embedder; `facts` says the `parity` that was found. `save` writes it.

    Raises:
        UserError: if the source cannot be read, or its embeddings differ from the original's.

    Example:
    >>> import_weights("backbone.pth", "iresnet50").save("embedder.keras")  # doctest: +SKIP
    """
    path = Path(source)
    imported = (
        Imported(open_embedder(path).model, 0.0, "keras")
        if is_checkpoint(path)
        else read_weights(path, name, image_size, embedding_dim, layout)
    )
    difference = imported.difference
    if difference is not None and not difference <= tolerance:
        raise UserError(
            f"{source}: embeddings differ from the original's by {difference:.1e}, more than "
            f"--tolerance {tolerance:g}. Nothing was written."
        )
    facts = {"imported_from": str(source), "parity": parity_of(imported)}
    return Embedder(imported.embedder, facts=facts)


def parity_of(imported: Imported) -> str:
    """What the comparison with the original gave, and what it cannot show, in sentences."""
    if imported.framework == "keras":
        return "A Keras model already: nothing to compare."
    if imported.difference is None:
        sentences = [f"Parity not checked: {imported.framework} is not installed."]
    else:
        sentences = [
            f"Parity with {imported.framework}: unit embeddings differ by at most "
            f"{imported.difference:.1e}."
        ]
    if imported.assumptions:
        sentences.append(f"Assumed, and no file can prove it: {imported.assumptions}.")
    if imported.left_out:
        listed = ", ".join(imported.left_out[:LISTED])
        more = len(imported.left_out) - LISTED
        listed += f" and {more} more" if more > 0 else ""
        sentences.append(f"Left out, since they are not the network's: {listed}.")
    return " ".join(sentences)
