"""What every part of a recipe is."""

import inspect
import re
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class Section(BaseModel):
    """A part of a recipe: unknown keys are errors, values do not change.

    The text of a key is written once, under `Attributes:` in the docstring of its
    section. The JSON schema, which editors show, and the recipe reference have it from there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        """Gives each key its text."""
        super().__pydantic_init_subclass__(**options)
        texts: dict[str, str] = {}
        for base in reversed(cls.__mro__):
            if issubclass(base, Section):
                texts |= texts_of_keys(base.__doc__ or "")
        for key, field in cls.model_fields.items():
            fixed = get_args(field.annotation) if key == "name" else ()
            plain = f"always `{fixed[0]}`." if len(fixed) == 1 else None
            field.description = texts.get(key) or field.description or plain

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The section's JSON schema, with the texts of its keys."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for key, property_schema in properties.items():
            if text := cls.model_fields[key].description:
                property_schema["description"] = text
        return schema


def texts_of_keys(docstring: str) -> dict[str, str]:
    """The entries below `Attributes:` in a docstring, each as one line.

    Args:
        docstring: in Google's style.

    Example:
    >>> texts_of_keys('''A point.
    ...
    ...     Attributes:
    ...         x: to the right,
    ...             in pixels.
    ...         y: upwards.
    ...     ''')
    {'x': 'to the right, in pixels.', 'y': 'upwards.'}
    """
    block = inspect.cleandoc(docstring).partition("Attributes:\n")[2]
    texts: dict[str, str] = {}
    key = ""
    for line in block.splitlines():
        if entry := re.match(r"    (\w+): (.*)", line):
            key, texts[entry[1]] = entry[1], entry[2]
        elif line.startswith("        ") and key:
            texts[key] += " " + line.strip()
        elif line.strip():
            break
    return texts
