"""Exports a trained embedder with what its run knows: its sets, thresholds and data."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from framl_keras.data.decode import decode
from framl_keras.data.files import ImageFiles, find_images
from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError
from framl_keras.export.export import MOST_IMAGES, Exported, export
from framl_keras.export.pair import export_pair
from framl_keras.export.parity import Parity
from framl_keras.runs.open_embedder import TrainedEmbedder
from framl_keras.runs.thresholds import read_thresholds
from framl_keras.runs.verification_sets import open_pair_sets, recipe_with_sets


def export_run(
    run: TrainedEmbedder,
    output: str | os.PathLike[str],
    format: str = "onnx",
    plain: bool = False,
    images: Sequence[str] = (),
    sets: Sequence[str] = (),
    modules: Sequence[str] = (),
    precision: str = "float32",
    license: str | None = None,
) -> Exported:
    """Exports an embedder and compares the file with it on the run's verification sets.

    Args:
        run: the embedder, see `open_embedder`.
        output: the file to write; a folder for `saved_model`.
        format: see `FORMATS`.
        plain: exports the bare embedding, neither mirrored nor scaled.
        images: images or folders to compare on, in place of the sets.
        sets: names or paths of verification sets, in place of the recipe's.
        modules: Python modules with layers of the user's own.
        precision: `float32`, `float16` or `int8`.
        license: of the weights, for the file and its card.

    Raises:
        UserError: see `export`; also if there are no images to compare on.

    Example:
    >>> export_run(open_embedder("runs/mine"), "mine.onnx")  # doctest: +SKIP
    """
    pair_sets, pixels = _given(run, images, sets)
    facts = _facts(run, {} if plain else _thresholds(run), license)
    return export(
        run.model,
        output,
        pixels,
        format,
        plain,
        pair_sets,
        run.view,
        facts,
        modules,
        precision,
    )


def export_pair_of_run(
    run: TrainedEmbedder,
    similarity: str,
    output: str | os.PathLike[str],
    format: str = "onnx",
    images: Sequence[str] = (),
    sets: Sequence[str] = (),
    modules: Sequence[str] = (),
    license: str | None = None,
) -> Parity:
    """Exports an embedder and a similarity as one model of two image batches.

    Args:
        run: see `export_run`, as are the others.
        similarity: its name.
        output: the file to write; a folder for `saved_model`.
        format: see `FORMATS`.
        images: images or folders to compare on, in place of the sets.
        sets: names or paths of verification sets, in place of the recipe's.
        modules: Python modules with layers of the user's own.
        license: of the weights.

    Raises:
        UserError: see `export`; also if there are no images to compare on.

    Example:
    >>> export_pair_of_run(open_embedder("runs/mine"), "ssim", "pair.onnx")  # doctest: +SKIP
    """
    _, pixels = _given(run, images, sets)
    facts = _facts(run, _thresholds(run), license)
    return export_pair(run.model, similarity, output, pixels, format, facts, modules)


def _given(
    run: TrainedEmbedder, images: Sequence[str], sets: Sequence[str]
) -> tuple[list[PairSet], np.ndarray]:
    """The sets to verify, and images to compare on.

    Raises:
        UserError: if there are no images.
    """
    pair_sets: list[PairSet] = []
    source: Any = None
    if images:
        source = ImageFiles(find_images(images))
    elif run.recipe is None and not sets:
        raise UserError(
            f"{run.path}: its recipe is not known, so there are no images to compare the file "
            "on. Name some with --image PATH."
        )
    else:
        pair_sets = open_pair_sets(recipe_with_sets(run.known_recipe, sets))
        source = pair_sets[0].images
    if not len(source):
        raise UserError("No images to compare the file on. Expected one at least.")
    return pair_sets, _pixels(run, source)


def _thresholds(run: TrainedEmbedder) -> dict[str, float]:
    """The distances below which two images are of one identity: its file's, or else its run's."""
    stored = run.facts.get("thresholds")
    if stored and run.facts.get("weights") == run.weights:
        return dict(stored)
    return read_thresholds(run.directory.path, run.weights, run.view)


def _facts(
    run: TrainedEmbedder, thresholds: dict[str, float], license: str | None
) -> dict[str, Any]:
    """What is known about a run beyond its model."""
    facts: dict[str, Any] = {"thresholds": thresholds}
    if run.recipe is not None:
        facts |= {"recipe": run.recipe.name, "trained_on": str(run.recipe.data.train)}
    if aligned := run.facts.get("aligned"):
        facts["alignment"] = aligned
    if license:
        facts["license"] = license
    return facts


def _pixels(run: TrainedEmbedder, source: Any) -> np.ndarray:
    """Some images as the model sees them."""
    samples = [source[place] for place in range(min(MOST_IMAGES, len(source)))]
    return np.stack([run.view.pixels(decode(sample)) for sample in samples])
