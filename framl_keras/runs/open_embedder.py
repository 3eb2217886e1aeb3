"""Opens an embedder, wherever it is: a run, a checkpoint, a file of Keras'."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framl_keras import backend
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.recipe import Recipe
from framl_keras.runs.checkpoint import SUFFIX, Checkpoint, is_checkpoint, load_checkpoint
from framl_keras.runs.directory import RunDirectory, find_run
from framl_keras.runs.embedder_file import facts_in

if TYPE_CHECKING:
    import keras

KINDS = f"a run's folder, a checkpoint (*{SUFFIX}), *.keras or *.weights.h5"


@dataclass(frozen=True)
class TrainedEmbedder:
    """An embedding model and what it takes to use it rightly.

    Attributes:
        model: from RGB pixels `(batch, height, width, channels)` to embeddings.
        view: how it sees images.
        path: the file that it was read from.
        directory: where its thresholds, calibration and reports are: the run's folder, or the
            file's.
        recipe: what it was trained with, if that is known.
        facts: what else is known, such as `step`, `best_by`, `score`.
    """

    model: "keras.Model"
    view: View
    path: Path
    directory: RunDirectory
    recipe: Recipe | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def step(self) -> int | None:
        """How many steps it was trained, if that is known."""
        return self.facts.get("step")

    @cached_property
    def weights(self) -> str:
        """The hash of its weights, by which thresholds and calibrations know it."""
        from framl_keras.models.weights_hash import weights_hash  # noqa: PLC0415 - loads Keras

        return weights_hash(self.model)

    @property
    def known_recipe(self) -> Recipe:
        """The recipe.

        Raises:
            UserError: if it is not known.
        """
        if self.recipe is None:
            raise UserError(
                f"{self.path}: no recipe.yaml beside it, so its data are not known. Name a run's "
                "folder, or put the recipe beside the file."
            )
        return self.recipe


def open_embedder(path: str | os.PathLike[str] | None = None) -> TrainedEmbedder:
    """Opens an embedder on the chosen backend.

    Args:
        path: a run's folder; a checkpoint (`*.ckpt`, the best or a step's); `*.keras`, with or
            without a recipe beside it; `*.weights.h5` beside the `recipe.yaml` that says its
            architecture. None is the newest run.

    Raises:
        UserError: if there is none, or it is damaged.

    Example:
    >>> embedder = open_embedder("runs/mine/checkpoints/best.ckpt")  # doctest: +SKIP
    >>> embedder.step, embedder.view.size  # doctest: +SKIP
    (1200, 112)
    """
    file = check_embedder(path)
    if is_checkpoint(file):
        return _of_checkpoint(file)
    if file.suffix == ".keras":
        return _of_keras(file, RunDirectory(file.parent))
    return _of_weights(file)


def check_embedder(path: str | os.PathLike[str] | None = None) -> Path:
    """The file that `open_embedder` would read, by its name and first bytes.

    Raises:
        UserError: if there is none, or it is of another kind.
    """
    if path is not None and is_checkpoint(path):
        return Path(path)
    if path is None or Path(path).is_dir() or not os.path.lexists(path):
        return find_run(path).embedder
    file = Path(path)
    if file.suffix in (".keras", ".h5"):
        return file
    remedy = "Other formats are converted with: framl-keras import-weights"
    if file.suffix == SUFFIX:
        remedy = f"It is damaged, or none of ours. {remedy}"
    raise UserError(f"{path}: expected {KINDS}. {remedy}")


def view_of(recipe: Recipe) -> View:
    """How a recipe's models see images."""
    data = recipe.data
    return View(data.image_size, data.central_crop, data.channels, data.aspect_ratio)


def build_embedder(recipe: Recipe, weights: str | None = None) -> "keras.Model":
    """A recipe's embedding model, untrained.

    Args:
        recipe: what to build.
        weights: see `embedding_model`.

    Raises:
        UserError: if its backbone is not available.
    """
    from framl_keras.models import embedding_model  # noqa: PLC0415 - the backend is chosen first
    from framl_keras.models.precision import built_in  # noqa: PLC0415

    options = recipe.model
    chosen = {"dropout": options.dropout, "pooling": options.pooling}
    with built_in(recipe.train.precision):
        return embedding_model(
            options.backbone,
            view_of(recipe).shape,
            embedding_dim=options.embedding_dim,
            embedding_l2=options.embedding_l2,
            weights=weights,
            **{name: value for name, value in chosen.items() if value is not None},
        )


def _of_keras(path: Path, directory: RunDirectory) -> TrainedEmbedder:
    """A whole model; its recipe is in the file, or lies beside it."""
    backend.choose()
    from framl_keras.backbones.weights_file import open_model  # noqa: PLC0415

    facts = facts_in(path)
    recipe = _recipe_in(facts, path) or _recipe_beside(directory)
    model = open_model(str(path))
    view = _view(model, path, recipe, facts)
    return TrainedEmbedder(model, view, path, directory, recipe, _without_recipe(facts))


def _of_checkpoint(path: Path) -> TrainedEmbedder:
    """The embedder of a training's state, built as the recipe in it says."""
    checkpoint = load_checkpoint(path)
    recipe = _recipe_in(checkpoint.facts, path)
    if recipe is None:
        raise UserError(f"{path}: damaged checkpoint: it does not say its recipe.")
    backend.choose()
    model = build_embedder(recipe)
    put_weights(model, checkpoint, path)
    above = path.parent.parent if len(path.parts) > 2 else path.absolute().parent.parent
    in_run = path.parent.name == "checkpoints" and (above / "recipe.yaml").is_file()
    directory = RunDirectory(above if in_run else path.parent)
    facts = _without_recipe(checkpoint.facts)
    return TrainedEmbedder(model, view_of(recipe), path, directory, recipe, facts)


def _of_weights(path: Path) -> TrainedEmbedder:
    """An embedder's weights, with the architecture of the recipe beside them."""
    directory = RunDirectory(path.parent)
    recipe = _recipe_beside(directory)
    if recipe is None:
        raise UserError(
            f"{path}: expected recipe.yaml beside it, which says the architecture. Or make an "
            f"embedder of it: framl-keras import-weights {path} --as NAME"
        )
    backend.choose()
    from framl_keras.untrusted.keras_file import load_keras_weights  # noqa: PLC0415

    model = build_embedder(recipe)
    load_keras_weights(model, path, f"the recipe's {recipe.model.backbone}")
    return TrainedEmbedder(model, view_of(recipe), path, directory, recipe)


def put_weights(model: "keras.Model", checkpoint: Checkpoint, path: Path) -> None:
    """Puts a checkpoint's weights into an embedder.

    Raises:
        UserError: if one is missing or has another shape.
    """
    from framl_keras.keras_internals import weights_were_put  # noqa: PLC0415

    for variable in model.variables:
        array = checkpoint.arrays.get(f"model/{variable.path}")
        if array is None or array.shape != tuple(variable.shape):
            there = "missing" if array is None else f"of shape {array.shape}"
            raise UserError(
                f"{path}: its recipe and its weights do not fit together: {variable.path} is "
                f"{there}, expected {tuple(variable.shape)}."
            )
        variable.assign(array)
    weights_were_put(model)


def _recipe_in(facts: Mapping[str, Any], path: Path) -> Recipe | None:
    """The recipe among a file's facts.

    Raises:
        UserError: if it is there and is none.
    """
    if "recipe" not in facts:
        return None
    return Recipe.from_content(facts["recipe"], path)


def _recipe_beside(directory: RunDirectory) -> Recipe | None:
    return directory.recipe() if (directory.path / "recipe.yaml").is_file() else None


def _without_recipe(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name != "recipe"}


def _view(
    model: "keras.Model", path: Path, recipe: Recipe | None, facts: Mapping[str, Any]
) -> View:
    """How a model sees images: the size of its input, or the recipe's where it takes any.

    Raises:
        UserError: if the model is no embedder.
    """
    takes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    gives = [tuple(tensor.shape) for tensor in getattr(model, "outputs", None) or ()]
    if [len(shape) for shape in takes] == [4] and [len(shape) for shape in gives] == [2]:
        height, width = takes[0][1:3]
        if height is None and width is None and recipe is not None:
            return view_of(recipe)
        if height is not None and width is not None:
            return View.of_facts(takes[0], view_of(recipe).facts() if recipe else facts)
    raise UserError(
        f"{path}: expected an embedder, from images (batch, height, width, 3) to (batch, dim). "
        f"Received: a model from {takes} to {gives}."
    )
