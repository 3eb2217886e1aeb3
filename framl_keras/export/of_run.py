"""Exports a trained embedder with what its run knows: its sets, thresholds and data."""

import os
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from framl_keras.data.files import ImageFiles, find_images
from framl_keras.data.pairs import PairSet
from framl_keras.data.transforms import decode, view
from framl_keras.errors import UserError
from framl_keras.export.export import MOST_IMAGES, Exported, export
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

    Raises:
        UserError: see `export`; also if there are no images to compare on.
    """
    pair_sets: list[PairSet] = []
    if not images:
        pair_sets = open_pair_sets(recipe_with_sets(run.known_recipe, sets))
    source = ImageFiles(find_images(images)) if images else pair_sets[0].images
    if not len(source):
        raise UserError("No images to compare the file on. Expected one at least.")
    thresholds = {} if plain else read_thresholds(run.directory.path, run.weights)
    facts: dict[str, Any] = {"thresholds": thresholds}
    if run.recipe is not None:
        facts |= {"recipe": run.recipe.name, "trained_on": str(run.recipe.data.train)}
    pixels = _pixels(run, source)
    return export(
        run.model, output, pixels, format, plain, pair_sets, run.central_crop, facts, modules
    )


def _pixels(run: TrainedEmbedder, source: Any) -> np.ndarray:
    """Some images as the model sees them, gray where it takes one channel."""
    samples = [source[place] for place in range(min(MOST_IMAGES, len(source)))]
    seen = [view(decode(sample), run.image_size, run.central_crop) for sample in samples]
    if run.model.input_shape[-1] == 1:
        seen = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None] for image in seen]
    return np.stack(seen)
