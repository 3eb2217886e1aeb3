"""Encoding a list in all processes that a launcher started."""

import os
from pathlib import Path
from typing import Any

from framl_keras.api.encode_part import encode_part
from framl_keras.embedder import Embedder
from framl_keras.errors import UserError
from framl_keras.evaluation.embedding_parts import merge_parts
from framl_keras.evaluation.embeddings import Embeddings
from framl_keras.processes import Processes, agree


def encode_together(
    embedder: Embedder,
    images: Any,
    output: str | os.PathLike[str],
    processes: Processes,
    **options: Any,
) -> Embeddings | None:
    """Embeds a list of which each process takes a part.

    The parts go beside the output, where all processes must see them, see `encode_part`; what a
    job that was stopped has left there is not embedded again.

    Args:
        embedder: computes the vectors.
        images: the whole list, the same in every process; see `Embedder.embed`.
        output: where the vectors are to go; they are not written yet.
        processes: see `framl_keras.processes.join`.
        **options: of `encode_part`.

    Returns:
        What one process would have given, bit for bit, in the process that writes; None in others.

    Raises:
        UserError: see `encode_part` and `merge_parts`.
    """
    part = processes.process + 1, processes.processes
    error = None
    try:
        encode_part(embedder, images, output, part, **options)
    except UserError as raised:
        error = raised
    agree(processes, error)
    return merge_parts(Path(output)) if processes.writes else None
