"""The whole recipe: loaded, validated, saved."""

import difflib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, model_validator

from framl_keras import backend
from framl_keras.errors import UserError
from framl_keras.recipe.changes import apply_change
from framl_keras.recipe.data import DataSection
from framl_keras.recipe.faults import validated
from framl_keras.recipe.framl_yaml import FramlFile, is_framl, to_recipe, understood
from framl_keras.recipe.model import ModelSection
from framl_keras.recipe.packaged import located, packaged
from framl_keras.recipe.section import Section
from framl_keras.recipe.train import TrainSection
from framl_keras.registry import import_modules
from framl_keras.untrusted.yaml_text import parse_yaml

log = logging.getLogger(__name__)


class Recipe(Section):
    """One experiment. What a file leaves out has FRAML's settings.

    Attributes:
        name: names the run, whose folder is `runs/<name>`.
        seed: decides initial weights, order and augmentation.
        imports: modules that register things of your own, which the recipe then names.
        data: where the images are and how they are seen.
        model: what is trained: the network, where it starts from, and the head.
        train: how it is trained: how long, by which optimizer, and what is kept.

    Example:
    >>> recipe = Recipe.load("quickstart", ["train.epochs=3"])  # doctest: +SKIP
    >>> recipe.train.epochs  # doctest: +SKIP
    3
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+-]*$")]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    imports: list[str] = Field(default=[])
    data: DataSection
    model: ModelSection
    train: TrainSection = TrainSection()

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        for key in ("early_stop", "best_by"):
            if getattr(self.train, key) and not (self.data.validation or self.data.test):
                raise ValueError(f"{key} needs a verification set in `data.validation`")
        if self.model.sample_rate < 1.0 and self.train.precision == "mixed_float16":
            raise ValueError("sample_rate below 1 has no loss scaling; use mixed_bfloat16")
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str], changes: Iterable[str] = ()) -> "Recipe":
        """Reads a YAML file, also one of FRAML's, and applies `key.path=value` changes.

        Args:
            path: the file, or the name of a packaged recipe such as `quickstart`.
            changes: each a dotted path and a value in YAML, such as `train.epochs=3`.

        Raises:
            UserError: if the file cannot be read, is not YAML, or says something
                that the schema does not allow; it names each key's path.
        """
        path = located(path)
        content = read_yaml(path)
        if is_framl(content):
            framl = validated(FramlFile, content, path)
            log.info("%s: %s", path, understood(framl))
            content = to_recipe(framl)
        for change in changes:
            apply_change(content, change)
        return cls.from_content(content, path)

    @classmethod
    def from_content(cls, content: Any, path: str | os.PathLike[str]) -> "Recipe":
        """A recipe from a mapping, such as a checkpoint holds.

        Args:
            content: the recipe's sections.
            path: where they are from, for errors.

        Raises:
            UserError: if it says something that the schema does not allow.
        """
        if not isinstance(content, dict):
            raise UserError(f"{path}: expected a recipe's sections. Received: {content!r:.40}")
        _import(content.get("imports"))
        return validated(cls, content, path)

    def to_yaml(self) -> str:
        """The whole recipe as YAML, with every default spelled out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _import(modules: Any) -> None:
    """Imports a recipe's own modules, before the names that they register are looked up."""
    if isinstance(modules, list) and all(isinstance(name, str) for name in modules) and modules:
        backend.choose()  # they will import Keras
        import_modules(modules)


def recipe_schema() -> dict[str, Any]:
    """The JSON schema of recipes.

    Example:
    >>> sorted(recipe_schema()["properties"])[:3]
    ['data', 'imports', 'model']
    """
    return Recipe.model_json_schema()


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without running anything."""
    if not path.is_file():
        raise UserError(f"No such recipe: {path}. Expected {_what_exists(path)}.")
    try:
        content = parse_yaml(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values such as `name: my-run`.")
    return content


def _what_exists(path: Path) -> str:
    """The recipe with the most similar name, beside `path` or packaged, or all packaged ones."""
    beside = path.parent.glob("*.yaml") if path.parent.is_dir() else ()
    known = {file.name: str(file) for file in beside}
    if path.parent == Path():
        known |= {name: name for name in packaged()}
    near = difflib.get_close_matches(path.name, known, n=1, cutoff=0.4)
    if near:
        return f"a YAML file or a packaged recipe, such as {known[near[0]]}"
    return f"a YAML file or one of the packaged recipes {', '.join(packaged())}"
