"""How training images are varied."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from framl_keras.recipe.section import Section


class AugmentSection(Section):
    """What is done to each training image; see `framl_keras.data.augment.Augment`."""

    resize_to: Annotated[int, Field(ge=8)] = 128
    flip: bool = True
    degrees: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    shift: Annotated[float, Field(ge=0, lt=1)] = 0.0
    saturation: Annotated[float, Field(ge=0, le=1)] = 0.4
    contrast: Annotated[float, Field(ge=0, le=2)] = 0.0
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.4
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0


PATTERN = r"^\w+(\.\w+)+$"


class PolicySection(AugmentSection):
    """A layer of Keras or KerasCV that varies images, after the pipeline's own crop and flip.

    The pipeline's other parts are off unless they are given.

    Attributes:
        policy: the layer, such as `keras_cv.rand_augment`; see `framl_keras.data.policies`.
        options: the layer's own arguments.
    """

    saturation: Annotated[float, Field(ge=0, le=1)] = 0.0
    brightness: Annotated[float, Field(ge=0, le=1)] = 0.0
    policy: Annotated[str, Field(pattern=PATTERN)]
    options: dict[str, Any] = Field(default={})


def _form_of_augmentation(value: Any) -> str:
    if isinstance(value, str):
        return "name of a policy"
    has_policy = isinstance(value, PolicySection) or (isinstance(value, dict) and "policy" in value)
    return "with a policy" if has_policy else "the pipeline's own"


def _with_no_options(name: Any) -> Any:
    return {"policy": name} if isinstance(name, str) else name


_Named = Annotated[
    PolicySection,
    BeforeValidator(_with_no_options),
    WithJsonSchema({"type": "string", "pattern": PATTERN}),
]


FORMS: dict[str, Any] = {  # an error's location has them
    "the pipeline's own": AugmentSection,
    "with a policy": PolicySection,
    "name of a policy": PolicySection,
}
Augmentation = Annotated[
    Annotated[AugmentSection, Tag("the pipeline's own")]
    | Annotated[PolicySection, Tag("with a policy")]
    | Annotated[_Named, Tag("name of a policy")],
    Discriminator(_form_of_augmentation),
]
