"""The `data` section: where the images are and how they are seen."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from framl_keras.recipe.augment import Augmentation, AugmentSection
from framl_keras.recipe.people import People, has_validation
from framl_keras.recipe.section import Section
from framl_keras.recipe.sides import WHOLE, InputSize, said
from framl_keras.types import fits_in, in_proportion

HELD_OUT = "held-out"
Column = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]


def _as_named_sets(value: Any) -> Any:
    """Lets sets be one location, a list of them, or a mapping name -> location."""
    return _named(value, HELD_OUT)


def _as_named_validation_sets(value: Any) -> Any:
    return _named(value, "validation")


def _named(value: Any, held_out: str) -> Any:
    if isinstance(value, str):
        value = [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {held_out if item == HELD_OUT else Path(item).stem: item for item in value}
    return value


class DataSection(Section):
    """Where the images are and how they are seen.

    Attributes:
        train: `orl`, a path whose format is detected, or a list of these, whose identities
            of the same name are the same (plain numbers are kept apart).
        root: folder that relative paths inside the training data start from, and those of
            lists of pairs where it holds the first of their images.
        columns: which columns of tables are meant, by name or by number from 1, such as
            `{path: image, label: individual_id}`; in tables of pairs `left`, `right`, `same`
            and `fold`.
        on_error: `raise` stops at a damaged record or image, `skip` counts it and goes on.
        people: train on identities `[first, last]` (from 1, both included) or on a seeded
            `{fraction, seed}` of them; the others are held out for the test. A third part is
            for validation: `{fraction: 0.7, validation: 0.1}`, or by position
            `{train: [1, 25], validation: [26, 30]}`, where `train` or `test` that is left
            out has all other identities.
        validation: the sets on which the best checkpoint, early stopping and thresholds are
            chosen, in the forms of `test`; `held-out` is the validation part of `people`, and
            the default where there is one. Without any, these choices are made on `test`.
        test: verification sets: `held-out`, a path, a list of them, or a mapping name -> path.
        image_size: side of the model's input in pixels, or `[height, width]`.
        central_crop: see only the middle of each image, in training and verification alike.
        channels: 3 for RGB, 1 for gray: what the model gets.
        aspect_ratio: what becomes of images whose proportions are others than `image_size`'s:
            `stretch` changes them, `pad` adds black borders, `crop` keeps the middle.
        augment: how training images are varied: by the pipeline itself, or by a layer of Keras
            or KerasCV such as `keras_cv.rand_augment`; see `PolicySection`.
        threads: readers of the input path; the order does not depend on it.
    """

    train: str | Annotated[list[str], Field(min_length=1)]
    root: str | None = None
    columns: dict[Literal["path", "label", "left", "right", "same", "fold"], Column] = Field(
        default={}
    )
    on_error: Literal["raise", "skip"] = "raise"
    people: People | None = None
    validation: Annotated[dict[str, str], BeforeValidator(_as_named_validation_sets)] = Field(
        default={}
    )
    test: Annotated[dict[str, str], BeforeValidator(_as_named_sets)] = Field(default={})
    image_size: InputSize = 112
    central_crop: bool = False
    channels: Literal[1, 3] = 3
    aspect_ratio: Literal["stretch", "pad", "crop"] = "stretch"
    augment: Augmentation = AugmentSection()
    threads: Annotated[int, Field(ge=1)] = 4

    @model_validator(mode="before")
    @classmethod
    def _validates_on_its_part(cls, content: Any) -> Any:
        """Identities that are set apart for validation are used for it."""
        if not isinstance(content, dict) or content.get("validation"):
            return content
        part = {"validation": HELD_OUT} if has_validation(content.get("people")) else {}
        return {**content, **part}

    @model_validator(mode="after")
    def _fits_its_sizes(self) -> "DataSection":
        """Images are cropped from larger ones: 112 from 128 pixels, as FRAML has it."""
        side = self.augment.resize_to
        if side is None or side == WHOLE:
            room = in_proportion(self.image_size, 8, 7) if side is None else self.image_size
            augment = self.augment.model_copy(update={"resize_to": room})
            self.__dict__["augment"] = augment  # a frozen section's only way to follow another key
        elif not fits_in(self.image_size, side):
            raise ValueError(
                f"`augment.resize_to` ({said(side)}) must be at least `image_size` "
                f"({said(self.image_size)}), "
                f"which is cropped from it; leave `data.augment.resize_to` out to let it follow "
                f"`data.image_size`, let it be `image_size`, or set it too"
            )
        return self

    @model_validator(mode="after")
    def _tests_on_others(self) -> "DataSection":
        for name, location in self.validation.items():
            if location == HELD_OUT and not has_validation(self.people):
                raise ValueError(
                    f"`validation.{name}` is held-out, but `people` sets nobody apart for it; "
                    "write such as `people: {fraction: 0.7, validation: 0.1}`"
                )
            if location != HELD_OUT and location in self.test.values():
                raise ValueError(
                    f"`validation` and `test` both name {location}; leave `validation` out to "
                    "choose on the test set"
                )
        for name in self.validation.keys() & self.test.keys():
            raise ValueError(f"`validation` and `test` both have a set called {name!r}; rename one")
        return self
