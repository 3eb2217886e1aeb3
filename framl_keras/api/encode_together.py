"""Encoding a list in all processes that a launcher started."""

import os
from pathlib import Path
from typing import Any

from framl_keras.api.encode_part import encode_part, settings_of
from framl_keras.data.inputs import input_images
from framl_keras.embedder import Embedder
from framl_keras.errors import UserError
from framl_keras.evaluation.embedding_parts import merge_parts
from framl_keras.evaluation.embeddings import Embeddings
from framl_keras.processes import Processes, agree, check_same


def encode_together(
    embedder: Embedder,
    images: Any,
    output: str | os.PathLike[str],
    processes: Processes,
    fused: bool = True,
    align: str = "auto",
    progress: bool = False,
) -> Embeddings | None:
    """Embeds a list of which each process takes a part.

    The parts go beside the output, where all processes must see them, see `encode_part`; what a
    job that was stopped has left there is not embedded again.

    Args:
        embedder: computes the vectors.
        images: the whole list, the same in every process; see `Embedder.embed`.
        output: where the vectors are to go; they are not written yet.
        processes: see `framl_keras.processes.join`.
        fused: adds the mirror image's vector.
        align: see `Embedder.embed`.
        progress: shows a bar.

    Returns:
        What one process would have given, bit for bit, in the process that writes; None in others.

    Raises:
        UserError: see `encode_part` and `merge_parts`; also if processes are to do different
            things.
    """
    part, inputs = (processes.process + 1, processes.processes), input_images(images)
    settings = settings_of(embedder, inputs, fused, align)
    check_same(processes, {"output": Path(output).name, **settings})
    error = None
    try:
        encode_part(embedder, inputs, output, part, fused, align, progress)
    except UserError as raised:
        error = raised
    agree(processes, error)
    return merge_parts(Path(output)) if processes.writes else None
