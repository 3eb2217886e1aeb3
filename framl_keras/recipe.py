"""Recipe: what one experiment is. Loads, validates and saves it; knows no Keras."""

import difflib
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from framl_keras.errors import UserError
from framl_keras.framl_yaml import FramlFile, is_framl, to_recipe, understood

log = logging.getLogger(__name__)

HELD_OUT = "held-out"
BEST_BY = r"^(.+ )?(diff|cos|corr|fft_corr|direct_corr|ssim) (accuracy|auc|eer|d_prime)$"


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Fraction(Section):
    """A seeded random part of the people."""

    fraction: Annotated[float, Field(gt=0, le=1)]
    seed: int = 0


def _form_of_people(value: Any) -> str:
    return "fraction" if isinstance(value, dict | Fraction) else "range"


_FORMS: dict[str, Any] = {"range": tuple, "fraction": Fraction}  # an error's location has them
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


class ArcFace(Section):
    """cos(θ + m); see `framl_keras.margins.ArcFace`."""

    name: Literal["ArcFace"]
    margin: float = 0.5
    easy_margin: bool = False
    past_pi: Literal["framl", "continuous", "raw"] = "framl"


class CosFace(Section):
    """cos θ - m; see `framl_keras.margins.CosFace`."""

    name: Literal["CosFace"]
    margin: float = 0.35


class SphereFace(Section):
    """cos(m·θ), continued; see `framl_keras.margins.SphereFace`."""

    name: Literal["SphereFace"]
    margin: float = 1.5


class Combined(Section):
    """cos(m1·θ + m2) - m3; see `framl_keras.margins.Combined`."""

    name: Literal["Combined"]
    m1: float = 1.0
    m2: float = 0.3
    m3: float = 0.2
    past_pi: Literal["continuous", "raw"] = "raw"


class AdaFace(Section):
    """A margin that follows the image's quality; see `framl_keras.margins.AdaFace`."""

    name: Literal["AdaFace"]
    margin: float = 0.4
    concentration: float = 0.333
    momentum: float = 0.99


class MagFace(Section):
    """A margin that grows with the embedding's length; see `framl_keras.margins.MagFace`."""

    name: Literal["MagFace"]
    low_margin: float = 0.45
    high_margin: float = 0.8
    shortest: float = 10.0
    longest: float = 110.0
    regularizer: float = 35.0


class CurricularFace(Section):
    """Hard negatives that count more and more; see `framl_keras.margins.CurricularFace`."""

    name: Literal["CurricularFace"]
    margin: float = 0.5
    momentum: float = 0.99


class ElasticFaceArc(Section):
    """cos(θ + m) with a drawn m; see `framl_keras.margins.ElasticFaceArc`."""

    name: Literal["ElasticFaceArc"]
    margin: float = 0.5
    deviation: float = 0.0125


class ElasticFaceCos(Section):
    """cos θ - m with a drawn m; see `framl_keras.margins.ElasticFaceCos`."""

    name: Literal["ElasticFaceCos"]
    margin: float = 0.35
    deviation: float = 0.0125


Angle = Annotated[float, Field(ge=0, lt=3.14159265)]
MARGINS: dict[str, type[Section]] = {
    margin.__name__: margin
    for margin in (
        ArcFace,
        CosFace,
        SphereFace,
        Combined,
        AdaFace,
        MagFace,
        CurricularFace,
        ElasticFaceArc,
        ElasticFaceCos,
    )
}
_FORMS |= {"number": float, **MARGINS}


def _form_of_margin(value: Any) -> Any:
    """`number`, or the name that a margin's mapping has."""
    if isinstance(value, dict):
        return value.get("name")
    return type(value).__name__ if isinstance(value, Section) else "number"


Margin = Annotated[
    Annotated[Angle, Tag("number")]
    | Annotated[ArcFace, Tag("ArcFace")]
    | Annotated[CosFace, Tag("CosFace")]
    | Annotated[SphereFace, Tag("SphereFace")]
    | Annotated[Combined, Tag("Combined")]
    | Annotated[AdaFace, Tag("AdaFace")]
    | Annotated[MagFace, Tag("MagFace")]
    | Annotated[CurricularFace, Tag("CurricularFace")]
    | Annotated[ElasticFaceArc, Tag("ElasticFaceArc")]
    | Annotated[ElasticFaceCos, Tag("ElasticFaceCos")],
    Discriminator(_form_of_margin),
]


class RowOptimizerSection(Section):
    """SGD for the centres of a head with `sample_rate` below 1; see `layers.RowSGD`.

    Attributes:
        learning_rate: the peak learning rate; `train.schedule` holds for it too.
        momentum: of SGD.
        nesterov: of SGD.
        weight_decay: of the sampled centres alone.
    """

    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ModelSection(Section):
    """What is trained.

    Attributes:
        backbone: name of the network from pixels to feature map.
        weights: `imagenet`, a weights file, or none to start from random weights.
        init: a trained embedder to start from: a run's folder, a `.keras` file, or the
            `.weights.h5` of a whole embedder. A run's centres are taken too, for the
            identities that it knows.
        new_centers: centres of identities that `init` does not know: `drawn` at random, or
            the `mean` embedding of their images.
        freeze: patterns of the names of layers that are not trained, such as `stage1_*`;
            `backbone` stands for the whole network.
        embedding_dim: length of the feature vector.
        dropout: part of the feature map dropped in training; the backbone's own choice if open.
        pooling: how the feature map becomes a vector: `flatten`, `gdc` or `average`; the
            backbone's own choice if open.
        embedding_l2: L2 penalty on the kernel that makes the embedding, and on nothing else.
        head: `arcface`, scaled cosines with a margin, or `softmax`, a plain Dense.
        margin: ArcFace's margin in radians, or any margin by name with its arguments, such
            as `{name: CosFace, margin: 0.35}`.
        scale: what the cosines are multiplied with.
        sub_centers: centres a class, of which the nearest counts.
        backward: whether the margin is differentiated: `exact`, or `straight_through` as
            in insightface's torch code.
        interclass_filter: negatives with a cosine above this are left out, if given.
        sample_rate: part of the classes that a step sees (Partial FC).
        row_optimizer: how the centres are trained where `sample_rate` is below 1; by
            `train.optimizer`'s settings if that is `sgd`.
    """

    backbone: str
    weights: str | None = None
    init: str | None = None
    new_centers: Literal["drawn", "mean"] = "drawn"
    freeze: Annotated[list[str], BeforeValidator(_as_list)] = []
    embedding_dim: Annotated[int, Field(ge=1)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    pooling: Literal["flatten", "gdc", "average"] | None = None
    embedding_l2: Annotated[float, Field(ge=0)] = 5e-4
    head: Literal["arcface", "softmax"] = "arcface"
    margin: Margin = 0.5
    scale: Annotated[float, Field(gt=0)] = 64.0
    sub_centers: Annotated[int, Field(ge=1)] = 1
    backward: Literal["exact", "straight_through"] = "exact"
    interclass_filter: Annotated[float, Field(gt=-1, le=1)] | None = None
    sample_rate: Annotated[float, Field(gt=0, le=1)] = 1.0
    row_optimizer: RowOptimizerSection | None = None

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "ModelSection":
        if self.head == "softmax" and (idle := self._idle_without_margin()):
            raise ValueError(f"`head: softmax` has no {', '.join(idle)}; use `head: arcface`")
        if self.weights and self.init:
            raise ValueError("`weights` and `init` both say where to start from; leave one out")
        if self.new_centers == "mean" and not (self.init or self.weights):
            raise ValueError("`new_centers: mean` needs a trained embedder; give `init`")
        if self.row_optimizer and self.sample_rate == 1.0:
            raise ValueError("`row_optimizer` is for a `sample_rate` below 1; leave it out")
        return self

    def _idle_without_margin(self) -> list[str]:
        """Keys that are set although a plain Dense does not have what they are about."""
        keys = ("sub_centers", "backward", "interclass_filter", "sample_rate", "row_optimizer")
        defaults = type(self).model_fields
        idle = [key for key in keys if getattr(self, key) != defaults[key].default]
        return idle + (["margin"] if isinstance(self.margin, Section) else [])


class OptimizerSection(Section):
    """The optimizer: any of Keras' by name; what it does not take is an error.

    Attributes:
        name: the optimizer's name in Keras, such as `sgd` or `adamw`.
        learning_rate: the peak learning rate.
        momentum: for SGD.
        nesterov: for SGD.
        weight_decay: decoupled decay of all weights; none by default.
        clipnorm: each weight's gradient is made this long at most.
        global_clipnorm: all gradients together are made this long at most.
        clipvalue: each number of a gradient is brought within ± this.
        gradient_accumulation_steps: batches whose mean gradient is one update; clipping
            acts on the mean. The learning rate goes by batches as without.
    """

    name: str = "sgd"
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    clipnorm: Annotated[float, Field(gt=0)] | None = None
    global_clipnorm: Annotated[float, Field(gt=0)] | None = None
    clipvalue: Annotated[float, Field(gt=0)] | None = None
    gradient_accumulation_steps: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _clips_one_way(self) -> "OptimizerSection":
        keys = ("clipnorm", "global_clipnorm", "clipvalue")
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; keep one")
        return self


_SCHEDULES: dict[str, tuple[str, ...]] = {  # the keys that each has, besides `warmup`
    "constant": (),
    "step": ("milestones", "factor"),
    "cosine": ("final",),
    "polynomial": ("final", "power"),
}


class ScheduleSection(Section):
    """How the learning rate changes from step to step.

    Attributes:
        name: `constant`; `step`, which multiplies by `factor` at each milestone; `cosine` or
            `polynomial`, down to `final` times the peak.
        warmup: part of the training in which the rate grows from zero.
        final: what is left of the peak at the end.
        power: of `polynomial`; 1 is a straight line.
        milestones: of `step`: parts of the training, such as `[0.5, 0.75]`.
        factor: of `step`.
    """

    name: Literal["constant", "step", "cosine", "polynomial"] = "constant"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    final: Annotated[float, Field(ge=0, le=1)] = 0.0
    power: Annotated[float, Field(gt=0)] = 1.0
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = []
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "ScheduleSection":
        defaults = type(self).model_fields
        idle = [
            key
            for key in ("final", "power", "milestones", "factor")
            if key not in _SCHEDULES[self.name] and getattr(self, key) != defaults[key].default
        ]
        if idle:
            raise ValueError(f"`name: {self.name}` has no {', '.join(idle)}; leave it out")
        if self.name == "step" and not self.milestones:
            raise ValueError("`name: step` needs milestones, such as `milestones: [0.5, 0.75]`")
        if sorted(set(self.milestones)) != self.milestones:
            raise ValueError("`milestones` must ascend, such as `[0.5, 0.75]`")
        return self


class EarlyStopSection(Section):
    """Ends a run that no longer becomes better by `best_by`.

    Attributes:
        patience: how many verifications in a row may bring nothing better.
    """

    patience: Annotated[int, Field(ge=1)]


class TrainSection(Section):
    """How it is trained.

    Attributes:
        epochs: passes over the training data.
        batch_size: images in a step.
        images_per_class: balanced batches: so many images of each of `batch_size` divided
            by this classes. Left open, each image is seen once an epoch.
        optimizer: see `OptimizerSection`.
        schedule: see `ScheduleSection`.
        verify_every: epochs between verifications; 0 verifies at the end only.
        best_by: which checkpoint is kept as the best: a similarity and a metric (`accuracy`,
            `auc`, `eer` or `d_prime`), after a verification set's name if not the first's.
        early_stop: see `EarlyStopSection`; none by default.
        log_every: steps between lines of the log.
        save_steps: steps between checkpoints; 0 saves after each epoch only.
        keep: how many of the newest checkpoints stay, besides the best.
        precision: what the network computes in; head, loss and weights stay in float32.
        jit: whether `fit` compiles with the backend's compiler; `auto` leaves it to Keras.
        fused_batch_norm: take batch statistics with the backend's own kernel, where it has
            one: quicker, and the same but for rounding.
        precise_batch_norm: batches of images without augmentation over which batch
            normalisation's statistics are averaged anew once training is over; 0 leaves
            those of training. It helps most where images are few and varied a lot.
    """

    epochs: Annotated[int, Field(ge=1)] = 5
    batch_size: Annotated[int, Field(ge=1)] = 128
    images_per_class: Annotated[int, Field(ge=1)] | None = None
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    verify_every: Annotated[int, Field(ge=0)] = 1
    best_by: Annotated[str, Field(pattern=BEST_BY)] = "cos accuracy"
    early_stop: EarlyStopSection | None = None
    log_every: Annotated[int, Field(ge=1)] = 10
    save_steps: Annotated[int, Field(ge=0)] = 1000
    keep: Annotated[int, Field(ge=1)] = 3
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit: Literal["auto", True, False] = "auto"
    fused_batch_norm: bool = True
    precise_batch_norm: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _has_no_contradiction(self) -> "TrainSection":
        if self.early_stop and not self.verify_every:
            raise ValueError("`early_stop` needs verifications; set `verify_every`")
        if self.images_per_class and self.batch_size % self.images_per_class:
            raise ValueError(
                f"`images_per_class` ({self.images_per_class}) must divide `batch_size` "
                f"({self.batch_size})"
            )
        return self


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

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if self.train.early_stop and not self.data.test:
            raise ValueError("early_stop needs a verification set in `data.test`")
        if self.model.sample_rate < 1.0 and self.train.precision == "mixed_float16":
            raise ValueError("sample_rate below 1 has no loss scaling; use mixed_bfloat16")
        return self

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
    if problem["type"] == "union_tag_invalid":
        return f"`{path}.name`: {_unknown_form(problem['ctx']['tag'])}"
    if problem["type"] == "union_tag_not_found":
        return f"`{path}.name` is missing"
    if problem["type"] == "value_error":
        return f"`{path or 'model'}`: {problem['msg'].removeprefix('Value error, ')}"
    expected = problem["msg"].removeprefix("Input should be ")
    expected = expected.replace("String should match pattern", "a string that matches")
    return f"`{path}`: expected {expected}. Received: {problem['input']!r}"


def _section_of(annotation: Any) -> Any:
    """The section that a key holds, where it may also be left open."""
    return next((part for part in get_args(annotation) if part is not type(None)), annotation)


def _unknown_form(name: str) -> str:
    """What could be meant by a margin's name that does not exist."""
    folded = {known.casefold(): known for known in MARGINS}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"did you mean `{folded[near[0]]}`?" if near else f"expected one of {', '.join(MARGINS)}"
    return f"unknown margin `{name}`: {hint}"


def _keys_beside(section: Any, location: tuple[Any, ...]) -> list[str]:
    """The keys that the section of an unknown key does have."""
    for part in location[:-1]:
        field = getattr(section, "model_fields", {}).get(part)
        section = _FORMS.get(part) or (_section_of(field.annotation) if field else section)
    return list(getattr(section, "model_fields", {}))
