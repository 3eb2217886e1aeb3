"""The `data` section: where the images are and how they are seen."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from framl_keras.recipe.augment import Augmentation, AugmentSection
from framl_keras.recipe.people import People
from framl_keras.recipe.section import Section

HELD_OUT = "held-out"


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
        augment: how training images are varied: by the pipeline itself, or by a layer of Keras
            or KerasCV such as `keras_cv.rand_augment`; see `PolicySection`.
        threads: readers of the input path; the order does not depend on it.
    """

    train: str
    root: str | None = None
    on_error: Literal["raise", "skip"] = "raise"
    people: People | None = None
    test: Annotated[dict[str, str], BeforeValidator(_as_named_sets)] = Field(default={})
    image_size: Annotated[int, Field(ge=16)] = 112
    central_crop: bool = False
    augment: Augmentation = AugmentSection()
    threads: Annotated[int, Field(ge=1)] = 4
