"""What is wrong with a file, in one line that names every fault."""

import difflib
import os
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from framl_keras.errors import UserError
from framl_keras.recipe import augment, margins, people

_FORMS = {**people.FORMS, **augment.FORMS, **margins.FORMS}

Checked = TypeVar("Checked", bound=BaseModel)


def validated(
    schema: type[Checked], content: dict[str, Any], path: str | os.PathLike[str]
) -> Checked:
    """A file's content by its schema, or one line that names every fault."""
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_explain(schema, problem) for problem in error.errors())
        raise UserError(f"{path}: {problems}") from None


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
        return f"`{path}.name`: {margins.unknown_margin(problem['ctx']['tag'])}"
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


def _keys_beside(section: Any, location: tuple[Any, ...]) -> list[str]:
    """The keys that the section of an unknown key does have."""
    for part in location[:-1]:
        field = getattr(section, "model_fields", {}).get(part)
        section = _FORMS.get(part) or (_section_of(field.annotation) if field else section)
    return list(getattr(section, "model_fields", {}))
