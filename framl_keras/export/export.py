"""From a Keras model of any backend to one file that another runtime loads."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.embed import fixed_size, mirror_fused, not_fused
from framl_keras.export.formats import writers_of
from framl_keras.export.metadata import write_metadata
from framl_keras.export.model_card import CARD, model_card
from framl_keras.export.parity import LARGEST_AT, Parity, compare_with_keras
from framl_keras.export.place import beside, check_output, put, run_exporter, size_of_file
from framl_keras.export.precision import check_precision, lower
from framl_keras.export.runtimes import open_exported
from framl_keras.export.verification import SetParity, compare_verification
from framl_keras.version import __version__

MOST_IMAGES = 64


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how far from Keras it is.

    Attributes:
        path: the file, or a SavedModel's folder.
        format: its format.
        parity: of its embeddings.
        verification: of its verdicts, for each set.
        facts: what the file says about itself.

    Example:
    >>> exported = export(model, "embedder.onnx", pixels)  # doctest: +SKIP
    >>> exported.parity.largest  # doctest: +SKIP
    2.4e-07
    """

    path: Path
    format: str
    parity: Parity
    verification: list[SetParity]
    facts: dict[str, Any]


def export(
    model: Any,
    output: str | os.PathLike[str],
    pixels: np.ndarray,
    format: str = "onnx",
    plain: bool = False,
    pair_sets: Sequence[PairSet] = (),
    view: View | None = None,
    facts: Mapping[str, Any] | None = None,
    modules: Sequence[str] = (),
    precision: str = "float32",
) -> Exported:
    """Exports an embedding model, and keeps the file only if it gives what Keras gives.

    The file takes uint8 pixels and gives fused unit embeddings: mirroring and scaling are
    in it. Beside it, `MODEL_CARD.md` says what it is. A model of half precision is exported in
    float32, and compared with Keras in float32.

    Args:
        model: from RGB pixels 0…255 to embeddings, on any backend.
        output: the file to write; a folder for `saved_model`.
        pixels: real images for the comparison, uint8 `(n, height, width, channels)`.
        format: see `FORMATS`.
        plain: exports the model's own embedding, neither mirrored nor scaled.
        pair_sets: sets that both verify; the file may lose 0.2 percentage points.
        view: how the sets' images are seen; None for stretched to the pixels' size.
        facts: what else the file is to say, such as `thresholds`, `license`, `trained_on`.
        modules: Python modules with layers of the user's own, imported before loading.
        precision: `float32`, `float16` or `int8`, see `PRECISIONS`.

    Raises:
        UserError: if something that the format needs is not installed, the model cannot be
            written in it, or the file differs from Keras; nothing is written then.

    Example:
    >>> exported = export(model, "embedder.onnx", pixels)  # doctest: +SKIP
    >>> exported.parity.largest < 1e-5  # doctest: +SKIP
    True
    """
    output, backends = Path(output), writers_of(format)
    check_output(output, format)
    check_precision(precision, format, pair_sets)
    from framl_keras.models.precision import in_float32

    _check_pixels(model, pixels)
    pixels = pixels[:MOST_IMAGES]
    exact = in_float32(model)
    expected = (not_fused if plain else mirror_fused)(exact, fixed_size(len(pixels)))(pixels)
    seen = view or View.of_facts(pixels.shape, {})

    def gate() -> tuple[Parity, list[SetParity]]:
        function, bound = open_exported(written, format), LARGEST_AT[precision]
        parity = compare_with_keras(function, pixels, expected, bound, unit=not plain)
        return parity, [
            compare_verification(function, exact, pairs, seen, not plain) for pairs in pair_sets
        ]

    with beside(output) as folder:
        written = folder / output.name
        exact.save(folder / "model.keras")
        arguments = [str(folder / "model.keras"), format, str(written)]
        arguments += ["--plain"] * plain + [f"--import={module}" for module in modules]
        np.save(folder / "pixels.npy", pixels)
        if precision != "float32":
            arguments += [f"--precision={precision}", f"--images={folder / 'pixels.npy'}"]
        run_exporter(arguments, backends, format)
        parity, verified = lower(written, format, precision, pixels, gate)
        told = _facts(model, seen, format, plain, parity, verified)
        told |= {"precision": precision, **(facts or {})}
        write_metadata(written, format, told)
        final = open_exported(written, format)
        compare_with_keras(final, pixels, expected, LARGEST_AT[precision], unit=not plain)
        (folder / CARD).write_text(
            model_card(output.name, told, size_of_file(written)), encoding="utf-8"
        )
        for name in ("model.keras", "pixels.npy"):
            (folder / name).unlink()
        put(folder, output.parent)
    return Exported(output, format, parity, verified, told)


def _check_pixels(model: Any, pixels: np.ndarray) -> None:
    takes = tuple(model.input_shape[1:])
    fits = pixels.dtype == np.uint8 and pixels.ndim == 4 and len(pixels) > 0
    if not fits or any(a not in (None, b) for a, b in zip(takes, pixels.shape[1:], strict=True)):
        raise UserError(
            f"Images of shape {pixels.shape} and type {pixels.dtype}. Expected uint8 "
            f"(n, {', '.join(map(str, takes))}), one at least, to compare the file with Keras."
        )


def _facts(
    model: Any,
    view: View,
    format: str,
    plain: bool,
    parity: Parity,
    verified: Sequence[SetParity],
) -> dict[str, Any]:
    """What a file says about itself."""
    import keras

    from framl_keras.models.precision import half_policy_of
    from framl_keras.models.weights_hash import weights_hash

    return {
        "framl_keras": __version__,
        "keras": keras.__version__,
        "format": format,
        "input": list(view.shape),
        "dim": int(model.output_shape[-1]),
        "fused": not plain,
        "central_crop": view.central_crop,
        "aspect_ratio": view.aspect_ratio,
        "weights": weights_hash(model),
        "trained_in": half_policy_of(model) or "float32",
        "alignment": "as the images that it was trained on",
        "trained_on": "not known",
        "license": "not stated",
        "thresholds": {},
        "parity": parity._asdict(),
        "verification": [each._asdict() for each in verified],
    }
