"""Sizes of images in a recipe: one side, or `[height, width]`."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from framl_keras.types import Size


def _checked(value: Any, least: int) -> Size:
    given = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(given) != 2 or any(type(side) is not int for side in given):
        raise ValueError(f"expected a side in pixels, or [height, width]. Received: {value!r}")
    if min(given) < least:
        raise ValueError(f"expected {least} pixels or more. Received: {value!r}")
    return given if given[0] != given[1] else given[0]


def _schema(least: int) -> dict[str, Any]:
    side = {"type": "integer", "minimum": least}
    both = {"type": "array", "items": side, "minItems": 2, "maxItems": 2}
    return {"anyOf": [side, both]}


InputSize = Annotated[
    Size, BeforeValidator(lambda value: _checked(value, 16)), WithJsonSchema(_schema(16))
]
WHOLE: Literal["image_size"] = "image_size"  # as large as the input is: nothing is cropped
CropRoom = Annotated[
    Size | Literal["image_size"],
    BeforeValidator(lambda value: value if value == WHOLE else _checked(value, 8)),
    WithJsonSchema({"anyOf": [*_schema(8)["anyOf"], {"const": WHOLE}]}),
]


def said(size: Size) -> str:
    """A size as a recipe writes it."""
    return str(list(size)) if isinstance(size, tuple) else str(size)
