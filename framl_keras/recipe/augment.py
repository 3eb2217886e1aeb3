"""How training images are varied."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from framl_keras.recipe.section import Section
from framl_keras.recipe.sides import CropRoom


class AugmentSection(Section):
    """What is done to each training image; see `framl_keras.data.augment.Augment`.

    Attributes:
        resize_to: side in pixels, or `[height, width]`, to which an image is resized before a part
            of `image_size` is cropped at random; left open, it follows `data.image_size`, as 128
            for 112; `image_size` crops nothing.
        flip: whether half of the images, drawn at random, are mirrored.
        degrees: largest rotation either way, in degrees.
        scale: largest zoom either way: sizes lie within exp(-scale) and exp(scale) times.
        shift: largest move either way, as a fraction of the image's side.
        saturation: colors are scaled about their gray by 1 ± saturation at most.
        contrast: pixels are scaled about the image's mean by exp(±contrast) at most.
        brightness: at most this fraction of the full range is added or subtracted.
        erase: probability that a random rectangle is hidden, of an eighth to two fifths of each
            side.
    """

    resize_to: CropRoom | None = None
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
        saturation: largest change of the colors' saturation; 0 leaves colors to the layer.
        brightness: largest change of brightness; 0 leaves it to the layer.
        policy: the layer, such as `keras_cv.rand_augment`; see `framl_keras.data.policies`.
        options: arguments of the layer, by name.
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
