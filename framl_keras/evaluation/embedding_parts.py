"""Embeddings of a list in parts, each written by a process of its own, and their union."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.parts import (
    Stored,
    all_parts,
    check_settings,
    damaged,
    parts_of,
    read_stored,
    write_stored,
)
from framl_keras.errors import UserError
from framl_keras.evaluation.embeddings import Embeddings


def write_part(file: Path, embeddings: Embeddings, settings: Mapping[str, Any]) -> None:
    """Writes vectors, names, what was left out and settings as one file."""
    told = {"names": list(embeddings.names), "left_out": dict(embeddings.left_out)}
    write_stored(file, Stored({"vectors": embeddings.vectors}, told, settings))


def read_part(file: Path) -> tuple[Embeddings, Mapping[str, Any]]:
    """A part and its settings.

    Raises:
        UserError: if it is damaged.
    """
    stored = read_stored(file)
    try:
        vectors, names = stored.arrays["vectors"], [str(name) for name in stored.told["names"]]
        if vectors.dtype != np.float32 or vectors.shape[:-1] != (len(names),):
            raise ValueError("its names and vectors do not fit")
        return Embeddings(vectors, names, dict(stored.told["left_out"])), stored.settings
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file, error) from None


def remove_parts(output: str | Path) -> None:
    """Removes the parts of an output, once it is written."""
    shutil.rmtree(parts_of(Path(output)), ignore_errors=True)


def merge_parts(output: str | Path) -> Embeddings:
    """The embeddings whose parts `encode --part` wrote for an output.

    Args:
        output: what `-o` was.

    Returns:
        What one process would have given, bit for bit.

    Raises:
        UserError: if a part is missing or damaged, or they have different settings.

    Example:
    >>> merge_parts("photos.npy").save("photos.npy")  # doctest: +SKIP
    """
    files = all_parts(Path(output), "encode")
    read = [read_part(file) for file in files]
    for file, (_, settings) in zip(files, read, strict=True):
        check_settings(file, settings, read[0][1])
    parts = [embeddings for embeddings, _ in read]
    filled = [part.vectors for part in parts if len(part)]
    if not filled:
        raise UserError(f"{files[0].parent}: no image could be read in any part.")
    names = [name for part in parts for name in part.names]
    left_out = {name: why for part in parts for name, why in part.left_out.items()}
    return Embeddings(np.concatenate(filled), names, left_out)
