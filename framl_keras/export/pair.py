"""Similarities as files: of two batches of images, or of two batches of vectors."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError
from framl_keras.evaluation.embed import fixed_size, l2_normalized, mirror_fused
from framl_keras.export.formats import writers_of
from framl_keras.export.metadata import write_metadata
from framl_keras.export.model_card import CARD, pair_card
from framl_keras.export.parity import BATCHES, LARGEST, Parity
from framl_keras.export.place import beside, check_output, put, run_exporter, size_of_file
from framl_keras.export.runtimes import Function, open_exported
from framl_keras.version import __version__

VECTORS = 64


def export_similarity(
    name: str, dim: int, output: str | os.PathLike[str], format: str = "onnx"
) -> Path:
    """Exports a similarity as a model of two batches of vectors, `a` and `b`.

    Args:
        name: of the similarity.
        dim: length of the vectors.
        output: the file to write.
        format: see `FORMATS`.

    Raises:
        UserError: see `export`.

    Example:
    >>> export_similarity("ssim", 512, "ssim.onnx")  # doctest: +SKIP
    """
    from framl_keras.similarities import check_similarity

    output, backends = Path(output), writers_of(format)
    check_similarity(name)
    check_output(output, format)
    vectors = np.random.default_rng(0).normal(0, dim**-0.5, size=(VECTORS, dim)).astype(np.float32)
    with beside(output) as folder:
        written = folder / output.name
        run_exporter([name, format, str(written), f"--dim={dim}"], backends, format)
        facts = {"pair": True, "similarity": name, "dim": dim, "format": format}
        write_metadata(written, format, {**facts, "framl_keras": __version__})
        compare_pairs(open_exported(written, format), name, vectors, vectors)
        put(folder, output.parent)
    return output


def export_pair(
    model: Any,
    name: str,
    output: str | os.PathLike[str],
    pixels: np.ndarray,
    format: str = "onnx",
    facts: Mapping[str, Any] | None = None,
    modules: Sequence[str] = (),
) -> Parity:
    """Exports an embedder and a similarity as one model of two image batches, `a` and `b`.

    It gives the similarity of their fused embeddings, and is kept only if it does so within
    1e-5 of our own evaluation.

    Args:
        model: from RGB pixels 0…255 to embeddings, on any backend.
        name: of the similarity.
        output: the file to write; a folder for `saved_model`.
        pixels: real images, uint8 `(n, height, width, channels)`, which are compared in pairs.
        format: see `FORMATS`.
        facts: what else the file is to say; of its `thresholds` that of the similarity.
        modules: Python modules with layers of the user's own, imported before loading.

    Raises:
        UserError: see `export`.

    Example:
    >>> export_pair(model, "cos", "same.onnx", pixels).largest < 1e-5  # doctest: +SKIP
    True
    """
    from framl_keras.models.precision import half_policy_of, in_float32
    from framl_keras.models.weights_hash import weights_hash
    from framl_keras.similarities import check_similarity

    output, backends = Path(output), writers_of(format)
    check_similarity(name)
    check_output(output, format)
    exact = in_float32(model)
    expected = l2_normalized(mirror_fused(exact, fixed_size(len(pixels)))(pixels))
    with beside(output) as folder:
        written = folder / output.name
        exact.save(folder / "model.keras")
        arguments = [str(folder / "model.keras"), format, str(written), f"--pair={name}"]
        arguments += [f"--import={module}" for module in modules]
        run_exporter(arguments, backends, format)
        parity = compare_pairs(open_exported(written, format), name, pixels, expected)
        told = {
            "framl_keras": __version__,
            "format": format,
            "pair": True,
            "similarity": name,
            "input": list(pixels.shape[1:]),
            "weights": weights_hash(model),
            "trained_in": half_policy_of(model) or "float32",
            "alignment": "as the images that it was trained on",
            "trained_on": "not known",
            "license": "not stated",
            "parity": parity._asdict(),
            **(facts or {}),
        }
        told["thresholds"] = {k: v for k, v in told.get("thresholds", {}).items() if k == name}
        write_metadata(written, format, told)
        compare_pairs(open_exported(written, format), name, pixels, expected)
        card = pair_card(output.name, told, size_of_file(written))
        (folder / CARD).write_text(card, encoding="utf-8")
        (folder / "model.keras").unlink()
        put(folder, output.parent)
    return parity


def compare_pairs(
    function: Function, name: str, given: np.ndarray, vectors: np.ndarray, largest: float = LARGEST
) -> Parity:
    """Compares a file's similarities with our own evaluation's.

    Args:
        function: the file, opened by its runtime.
        name: of the similarity.
        given: what the file is given, `(n, ...)`; repeated where a batch is larger.
        vectors: the embeddings of these, `(n, dim)`.
        largest: the largest difference that is no fault.

    Raises:
        UserError: if they differ by more.
    """
    from framl_keras.similarities import distances, get

    worst = 0.0
    for count in BATCHES:
        a = np.arange(count) % len(given)
        b = (a + len(given) // 2) % len(given)
        expected = get(name).value_of(distances(vectors, np.stack([a, b], axis=1), name))
        values = np.asarray(function(given[a], given[b]))
        is_alike = values.shape == (count,) and np.isfinite(values).all()
        worst = max(worst, float(np.abs(values - expected).max()) if is_alike else np.inf)
    if not worst <= largest:
        raise UserError(
            f"The exported {name} differs from ours by {worst:.1e}. Expected {largest:g} at "
            "most. Nothing was written."
        )
    return Parity(worst, len(given), BATCHES)
