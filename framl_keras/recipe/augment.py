"""How training images are varied."""

from typing import Annotated

from pydantic import Field

from framl_keras.recipe.section import Section


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
