"""FRAML's own configuration files (`sub_name`, `embd_shape`, ...) as recipes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_SIGNS = {"sub_name", "backbone_type", "head_type", "embd_shape", "base_lr", "train_dataset"}
_HEADS = {"ArcHead": "arcface", "NormHead": "softmax"}
_DERIVED = {
    "num_classes": "counted in the data",
    "num_samples": "counted in the data",
    "binary_img": "seen from the file",
}

# FRAML's key -> the recipe's.
_PLACES = {
    "sub_name": "name",
    "train_dataset": "data.train",
    "test_dataset": "data.test",
    "input_size": "data.image_size",
    "is_ccrop": "data.central_crop",
    "backbone_type": "model.backbone",
    "embd_shape": "model.embedding_dim",
    "w_decay": "model.embedding_l2",
    "head_type": "model.head",
    "margin": "model.margin",
    "logist_margin": "model.margin",
    "logist_scale": "model.scale",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "base_lr": "train.optimizer.learning_rate",
    "save_steps": "train.save_steps",
}


class FramlFile(BaseModel):
    """The keys of FRAML's files (and of arcface-tf2's, which it grew from).

    Attributes:
        sub_name: names the run.
        backbone_type: name of the network.
        train_dataset: a TFRecord, or whatever else can be trained on.
        head_type: `ArcHead` or `NormHead`.
        batch_size: images in a step.
        input_size: side of the model's input in pixels.
        embd_shape: length of the embedding.
        is_ccrop: see only the middle of each image.
        binary_img: whether the TFRecord holds the images or their paths; not needed here.
        num_classes: not needed here.
        num_samples: not needed here.
        epochs: passes over the training data.
        base_lr: SGD's learning rate.
        w_decay: L2 penalty on the embedding's kernel.
        save_steps: steps between checkpoints.
        test_dataset: folder of the verification sets.
        margin: ArcFace's angle in radians.
        logist_margin: the same under another name.
        logist_scale: what ArcFace's cosines are multiplied with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sub_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.+-]*$")]
    backbone_type: str
    train_dataset: str
    head_type: Literal["ArcHead", "NormHead"] = "ArcHead"
    batch_size: Annotated[int, Field(ge=1)] | None = None
    input_size: Annotated[int, Field(ge=16)] | None = None
    embd_shape: Annotated[int, Field(ge=1)] | None = None
    is_ccrop: bool | None = None
    binary_img: bool | None = None
    num_classes: Annotated[int, Field(ge=1)] | None = None
    num_samples: Annotated[int, Field(ge=1)] | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None
    base_lr: Annotated[float, Field(gt=0)] | None = None
    w_decay: Annotated[float, Field(ge=0)] | None = None
    save_steps: Annotated[int, Field(ge=0)] | None = None
    test_dataset: str | None = None
    margin: Annotated[float, Field(ge=0, lt=3.14159265)] | None = None
    logist_margin: Annotated[float, Field(ge=0, lt=3.14159265)] | None = None
    logist_scale: Annotated[float, Field(gt=0)] | None = None


def is_framl(content: Mapping[str, Any]) -> bool:
    """Whether a file's keys are FRAML's: at least two of them, and none of our sections."""
    return len(_SIGNS & content.keys()) >= 2 and not {"data", "model", "train"} & content.keys()


def to_recipe(framl: FramlFile) -> dict[str, Any]:
    """The content of the recipe that a FRAML file means."""
    content: dict[str, Any] = {}
    for key, value in _given(framl).items():
        if key in _PLACES:
            *sections, last = _PLACES[key].split(".")
            section = content
            for name in sections:
                section = section.setdefault(name, {})
            section[last] = _HEADS[value] if key == "head_type" else value
    return content


def understood(framl: FramlFile) -> str:
    """One line on what each key was taken for."""
    given = _given(framl)
    taken = ", ".join(f"{key} as {_PLACES[key]}" for key in given if key in _PLACES)
    ignored = ", ".join(f"{key} ({_DERIVED[key]})" for key in given if key in _DERIVED)
    return (
        f"a file of FRAML's: {taken}"
        + (f"; ignored: {ignored}" if ignored else "")
        + "; random initial weights, where FRAML starts from ImageNet's "
        "(--set model.weights=imagenet)."
    )


def _given(framl: FramlFile) -> dict[str, Any]:
    """What a file says, without what it leaves empty."""
    values = framl.model_dump(exclude_none=True)
    return {key: value for key, value in values.items() if value != ""}
