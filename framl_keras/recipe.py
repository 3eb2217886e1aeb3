"""Recipe: what one experiment is. Loads, validates and saves it; knows no Keras."""

import difflib
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from framl_keras.errors import UserError
from framl_keras.framl_yaml import FramlFile, is_framl, to_recipe, understood

log = logging.getLogger(__name__)

HELD_OUT = "held-out"


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Fraction(Section):
    """A seeded random part of the people."""

    fraction: Annotated[float, Field(gt=0, le=1)]
    seed: int = 0


def _form_of_people(value: Any) -> str:
    return "fraction" if isinstance(value, dict | Fraction) else "range"


_FORMS = {"range": tuple, "fraction": Fraction}  # pydantic names them in an error's location
People = Annotated[
    Annotated[tuple[int, int], Tag("range")] | Annotated[Fraction, Tag("fraction")],
    Discriminator(_form_of_people),
]


class AugmentSection(Section):
    """What is done to each training image; see `framl_keras.data.transforms.Augment`."""

    resize_to: Annotated[int, Field(ge=8)] = 128
    flip: bool = True
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[float, Field(ge=0, lt=1)] = 0.0
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.4
    contrast: Annotated[float, Field(ge=0, le=2)] = 0.0
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.4
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0


def _as_named_sets(value: Any) -> Any:
    """Lets `test` be one location, a list of them, or a mapping name -> location."""
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {_name_of(item): item for item in value}
    return value


def _name_of(location: str) -> str:
    return location if location == HELD_OUT else Path(location).stem


class DataSection(Section):
    """Where the images are and how they are seen.

    Attributes:
        train: `orl`, or a path whose format is detected.
        root: folder that relative paths inside the training data start from.
        on_error: `raise` stops at a damaged record or image, `skip` counts it and goes on.
        people: train on people `[first, last]` (from 1, both included) or on a seeded
            `{fraction, seed}` of them; the others are held out.
        test: verification sets: `held-out`, a path, a list of them, or a mapping name -> path.
        image_size: side of the model's input in pixels.
        central_crop: see only the middle of each image, in training and verification alike.
        augment: how training images are varied.
        threads: readers of the input path; the order does not depend on it.
    """

    train: str
    root: str | None = None
    on_error: Literal["raise", "skip"] = "raise"
    people: People | None = None
    test: Annotated[dict[str, str], BeforeValidator(_as_named_sets)] = {}
    image_size: Annotated[int, Field(ge=16)] = 112
    central_crop: bool = False
    augment: AugmentSection = AugmentSection()
    threads: Annotated[int, Field(ge=1)] = 4


class ModelSection(Section):
    """What is trained.

    Attributes:
        backbone: name of the network from pixels to feature map.
        weights: `imagenet`, a weights file, or none to start from random weights.
        embedding_dim: length of the feature vector.
        dropout: part of the feature map dropped in training; the backbone's own choice if open.
        pooling: how the feature map becomes a vector: `flatten`, `gdc` or `average`; the
            backbone's own choice if open.
        embedding_l2: L2 penalty on the kernel that makes the embedding, and on nothing else.
        head: `arcface` (additive angular margin) or `softmax` (a plain Dense).
        margin: ArcFace's margin in radians.
        scale: what ArcFace's cosines are multiplied with.
    """

    backbone: str
    weights: str | None = None
    embedding_dim: Annotated[int, Field(ge=1)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    pooling: Literal["flatten", "gdc", "average"] | None = None
    embedding_l2: Annotated[float, Field(ge=0)] = 5e-4
    head: Literal["arcface", "softmax"] = "arcface"
    margin: Annotated[float, Field(ge=0, lt=3.14159265)] = 0.5
    scale: Annotated[float, Field(gt=0)] = 64.0


class OptimizerSection(Section):
    """The optimizer: any of Keras' by name; what it does not take is an error.

    Attributes:
        name: the optimizer's name in Keras, such as `sgd` or `adamw`.
        learning_rate: the peak learning rate.
        momentum: for SGD.
        nesterov: for SGD.
        weight_decay: decoupled decay of all weights; none by default.
    """

    name: str = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0)] | None = None


class ScheduleSection(Section):
    """How the learning rate changes from step to step.

    Attributes:
        name: `constant`, or `cosine` down to `final` times the peak.
        warmup: part of the training in which the rate grows from zero.
        final: what is left of the peak at the end of `cosine`.
    """

    name: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0


class TrainSection(Section):
    """How it is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: images in a step.
        optimizer: see `OptimizerSection`.
        schedule: see `ScheduleSection`.
        verify_every: epochs between verifications; 0 verifies at the end only.
        log_every: steps between lines of the log.
        save_steps: steps between checkpoints; 0 saves after each epoch only.
        keep: how many of the newest checkpoints stay, besides the best.
    """

    epochs: Annotated[int, Field(ge=1)] = 5
    batch_size: Annotated[int, Field(ge=1)] = 128
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    verify_every: Annotated[int, Field(ge=0)] = 1
    log_every: Annotated[int, Field(ge=1)] = 10
    save_steps: Annotated[int, Field(ge=0)] = 1000
    keep: Annotated[int, Field(ge=1)] = 3


class Recipe(Section):
    """One experiment. What a file leaves out has FRAML's settings.

    Attributes:
        name: the run's folder under `runs/`.
        seed: decides weights, order and augmentation.
        data: see `DataSection`.
        model: see `ModelSection`.
        train: see `TrainSection`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+-]*$")]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSection
    model: ModelSection
    train: TrainSection = TrainSection()

    @classmethod
    def load(cls, path: str | os.PathLike[str], changes: Iterable[str] = ()) -> "Recipe":
        """Reads a YAML file, also one of FRAML's, and applies `key.path=value` changes.

        Args:
            path: the file.
            changes: each a dotted path and a value in YAML, such as `train.epochs=3`.

        Raises:
            UserError: if the file cannot be read, is not YAML, or says something
                that the schema does not allow; it names each key's path.
        """
        content = _read_yaml(Path(path))
        if is_framl(content):
            framl = _validated(FramlFile, content, path)
            log.info("%s: %s", path, understood(framl))
            content = to_recipe(framl)
        for change in changes:
            _apply(content, change)
        return _validated(cls, content, path)

    def to_yaml(self) -> str:
        """The whole recipe as YAML, with every default spelled out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


Checked = TypeVar("Checked", bound=BaseModel)


def _validated(
    schema: type[Checked], content: dict[str, Any], path: str | os.PathLike[str]
) -> Checked:
    """A file's content by its schema, or one line that names every fault."""
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_explain(schema, problem) for problem in error.errors())
        raise UserError(f"{path}: {problems}") from None


def _read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without running anything."""
    if not path.is_file():
        raise UserError(f"No such recipe: {path}. Expected a YAML file such as {_examples(path)}.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not YAML: {reason}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values such as `name: my-run`.")
    return content


def _examples(path: Path) -> str:
    """The recipe beside `path` with the most similar name, or the quick start."""
    beside = [file.name for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.4)
    return str(path.parent / near[0]) if near else "recipes/quickstart.yaml"


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, for which `5e-4` is a number as everywhere else."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)


def _apply(content: dict[str, Any], change: str) -> None:
    """Sets the value at a dotted path, making the sections on the way."""
    path, equals, value = change.partition("=")
    *sections, key = path.split(".")
    if not equals or not all([*sections, key]):
        raise UserError(f"--set {change}: expected KEY=VALUE, such as train.epochs=3.")
    try:
        parsed = yaml.load(value, Loader=_Loader)
    except yaml.YAMLError:
        raise UserError(f"--set {change}: the value is not YAML. Quote it.") from None
    section = content
    for name in sections:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise UserError(f"--set {change}: `{name}` is a value, not a section.")
    section[key] = parsed


def _explain(recipe: type[BaseModel], problem: Mapping[str, Any]) -> str:
    """One validation problem as a sentence that names the key's path."""
    path = ".".join(str(part) for part in problem["loc"] if part not in _FORMS)
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(recipe, problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(known)}"
        return f"unknown key `{path}`: {hint}"
    if problem["type"] == "missing":
        return f"`{path}` is missing"
    expected = problem["msg"].removeprefix("Input should be ")
    expected = expected.replace("String should match pattern", "a string that matches")
    return f"`{path}`: expected {expected}. Received: {problem['input']!r}"


def _keys_beside(section: Any, location: tuple[Any, ...]) -> list[str]:
    """The keys that the section of an unknown key does have."""
    for part in location[:-1]:
        field = getattr(section, "model_fields", {}).get(part)
        section = _FORMS.get(part) or (field.annotation if field else section)
    return list(getattr(section, "model_fields", {}))
