"""From a Keras model of any backend to one file that another runtime loads."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError
from framl_keras.evaluation.embed import fixed_size, mirror_fused, not_fused
from framl_keras.export.formats import check_format, writer_of
from framl_keras.export.metadata import write_metadata
from framl_keras.export.model_card import model_card
from framl_keras.export.parity import Parity, compare_with_keras
from framl_keras.export.runtimes import open_exported
from framl_keras.export.verification import SetParity, compare_verification
from framl_keras.runs.disk import disk_errors_explained
from framl_keras.types import size_of
from framl_keras.version import __version__

MOST_IMAGES = 64
CARD = "MODEL_CARD.md"


@dataclass(frozen=True)
class Exported:
    """A file that was written, and how far from Keras it is.

    Attributes:
        path: the file, or a SavedModel's folder.
        format: its format.
        parity: of its embeddings.
        verification: of its verdicts, for each set.
        facts: what the file says about itself.
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
    central_crop: bool = False,
    facts: Mapping[str, Any] | None = None,
    modules: Sequence[str] = (),
) -> Exported:
    """Exports an embedding model, and keeps the file only if it gives what Keras gives.

    The file takes uint8 pixels and gives fused unit embeddings: mirroring and scaling are
    in it. Beside it, `MODEL_CARD.md` says what it is.

    Args:
        model: from RGB pixels 0…255 to embeddings, on any backend.
        output: the file to write; a folder for `saved_model`.
        pixels: real images for the comparison, uint8 `(n, height, width, channels)`.
        format: see `FORMATS`.
        plain: exports the model's own embedding, neither mirrored nor scaled.
        pair_sets: sets that both verify; the file may lose 0.2 percentage points.
        central_crop: whether the sets' images are seen by their middle only.
        facts: what else the file is to say, such as `thresholds`, `license`, `trained_on`.
        modules: Python modules with layers of the user's own, imported before loading.

    Raises:
        UserError: if something that the format needs is not installed, the model cannot be
            written in it, or the file differs from Keras; nothing is written then.

    Example:
    >>> exported = export(model, "embedder.onnx", pixels)  # doctest: +SKIP
    >>> exported.parity.largest < 1e-5  # doctest: +SKIP
    True
    """
    output, backend = Path(output), writer_of(format)
    _check_output(output, format)
    _check_pixels(model, pixels)
    pixels = pixels[:MOST_IMAGES]
    with disk_errors_explained(output), _beside(output) as folder:
        model.save(folder / "model.keras")
        written = folder / output.name
        arguments = [str(folder / "model.keras"), format, str(written)]
        arguments += ["--plain"] * plain + [f"--import={module}" for module in modules]
        _write(arguments, backend, format)
        function = open_exported(written, format)
        expected = (not_fused if plain else mirror_fused)(model, fixed_size(len(pixels)))(pixels)
        parity = compare_with_keras(function, pixels, expected, unit=not plain)
        shape = model.input_shape
        size = size_of(shape[1] or pixels.shape[1], shape[2] or pixels.shape[2])
        verified = [
            compare_verification(function, model, pairs, size, central_crop, not plain)
            for pairs in pair_sets
        ]
        told = _facts(model, pixels, format, plain, central_crop, parity, verified, facts or {})
        write_metadata(written, format, told)
        compare_with_keras(open_exported(written, format), pixels, expected, unit=not plain)
        (folder / CARD).write_text(model_card(output.name, told, _size(written)), encoding="utf-8")
        (folder / "model.keras").unlink()
        _put(folder, output.parent)
    return Exported(output, format, parity, verified, told)


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
    from framl_keras.similarities import distances, get

    similarity, output, backend = get(name), Path(output), writer_of(format)
    _check_output(output, format)
    with disk_errors_explained(output), _beside(output) as folder:
        written = folder / output.name
        _write([name, format, str(written), f"--dim={dim}"], backend, format)
        facts = {"pair": True, "similarity": name, "dim": dim, "format": format}
        write_metadata(written, format, {**facts, "framl_keras": __version__})
        function = open_exported(written, format)
        vectors = np.random.default_rng(0).normal(0, dim**-0.5, size=(64, dim))
        vectors = vectors.astype(np.float32)
        for count in (1, 3, 32):
            pairs = np.stack([np.arange(count), 32 + np.arange(count)], axis=1)
            expected = similarity.value_of(distances(vectors, pairs, name))
            found = np.asarray(function(vectors[:count], vectors[32 : 32 + count]))
            worst = float(np.abs(found - expected).max()) if found.shape == (count,) else np.inf
            if not worst <= 1e-5:
                raise UserError(
                    f"The exported {name} differs from ours by {worst:.1e}. Expected 1e-05 at "
                    "most. Nothing was written."
                )
        _put(folder, output.parent)
    return output


def _check_output(output: Path, format: str) -> None:
    suffix = check_format(format).suffix
    if output.suffix != suffix and suffix:
        raise UserError(f"{output}: expected a name that ends with {suffix} for {format}.")
    if output.is_dir() and not (output / "saved_model.pb").is_file():
        raise UserError(f"{output}: a folder that is no SavedModel. Name a place that is free.")


def _check_pixels(model: Any, pixels: np.ndarray) -> None:
    takes = tuple(model.input_shape[1:])
    fits = pixels.dtype == np.uint8 and pixels.ndim == 4 and len(pixels) > 0
    if not fits or any(a not in (None, b) for a, b in zip(takes, pixels.shape[1:], strict=True)):
        raise UserError(
            f"Images of shape {pixels.shape} and type {pixels.dtype}. Expected uint8 "
            f"(n, {', '.join(map(str, takes))}), one at least, to compare the file with Keras."
        )


@contextmanager
def _beside(output: Path) -> Iterator[Path]:
    """A folder beside the output, which is gone afterwards, with all that is still in it."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=output.parent) as folder:
        yield Path(folder)


def _write(arguments: Sequence[str], backend: str, format: str) -> None:
    """Runs the exporter on its backend.

    Raises:
        UserError: if it fails, with its last line.
    """
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # constants of a traced file stay on the processor
    done = subprocess.run(
        [sys.executable, "-m", "framl_keras.export.write", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        hint = ""
        if "Could not locate" in said[-1]:
            hint = " Name the module that registers your own layers (--import)."
        raise UserError(f"{format} could not be written on {backend}: {said[-1][:400]}{hint}")


def _facts(
    model: Any,
    pixels: np.ndarray,
    format: str,
    plain: bool,
    central_crop: bool,
    parity: Parity,
    verified: Sequence[SetParity],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """What a file says about itself; what is given comes on top."""
    import keras

    from framl_keras.models.weights_hash import weights_hash

    return {
        "framl_keras": __version__,
        "keras": keras.__version__,
        "format": format,
        "input": list(pixels.shape[1:]),
        "dim": int(model.output_shape[-1]),
        "fused": not plain,
        "central_crop": central_crop,
        "weights": weights_hash(model),
        "alignment": "as the images that it was trained on",
        "trained_on": "not known",
        "license": "not stated",
        "thresholds": {},
        "parity": parity._asdict(),
        "verification": [each._asdict() for each in verified],
        **given,
    }


def _size(path: Path) -> int:
    """Bytes of a file and of what belongs to it."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    weights = path.with_suffix(".bin")
    return path.stat().st_size + (weights.stat().st_size if weights.is_file() else 0)


def _put(folder: Path, target: Path) -> None:
    """Moves all that is in a folder to its place; what stood there before goes."""
    for path in sorted(folder.iterdir()):
        place = target / path.name
        if place.is_dir():
            shutil.rmtree(place)
        os.replace(path, place)
