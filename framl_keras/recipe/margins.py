"""The margins by name, with the arguments that a recipe may give them.

What a margin takes is read from its class in `framl_keras/margins`, without importing it:
a recipe knows no Keras. A user's own margin is asked for its signature.
"""

import ast
import inspect
import operator
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    create_model,
    model_validator,
)

from framl_keras.recipe.section import Section
from framl_keras.registry import MARGINS as REGISTERED
from framl_keras.registry import unknown

FOLDER = Path(__file__).parent.parent / "margins"
GIVEN = ("seed", "class_sizes")  # arguments that training gives, not the recipe
TYPES = {"float": float, "int": int, "bool": bool, "str": str}


def _sections() -> Iterator[type[Section]]:
    """A section for each class in the folder that is registered."""
    for path in sorted(FOLDER.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and _is_registered(node):
                yield _section(node)


def _is_registered(node: ast.ClassDef) -> bool:
    return any(isinstance(d, ast.Name) and d.id == "register" for d in node.decorator_list)


def _section(node: ast.ClassDef) -> type[Section]:
    """The section of a margin: its constructor's arguments, with their docstring."""
    text = inspect.cleandoc(ast.get_docstring(node) or "")
    fields: dict[str, Any] = {"name": (Literal[node.name], ...)}
    for argument, default in _arguments(node):
        if argument.arg not in GIVEN:
            value = Field(ast.literal_eval(default), description=_described(text, argument.arg))
            fields[argument.arg] = (_type_of(argument.annotation), value)
    first = text.partition("\n\n")[0]
    doc = f"{first} See `framl_keras.margins.{node.name}`."
    return create_model(node.name, __base__=Section, __doc__=doc, **fields)


def _arguments(node: ast.ClassDef) -> Iterator[tuple[ast.arg, ast.expr]]:
    """The constructor's arguments with their defaults; a registered margin has one for each."""
    for function in node.body:
        if isinstance(function, ast.FunctionDef) and function.name == "__init__":
            yield from zip(function.args.args[1:], function.args.defaults, strict=True)


def _type_of(annotation: ast.expr | None) -> Any:
    """A type, or a `Literal[...]` of words."""
    if isinstance(annotation, ast.Subscript):
        words = ast.literal_eval(annotation.slice)
        return Literal[words]
    return TYPES[annotation.id] if isinstance(annotation, ast.Name) else Any


def _described(text: str, argument: str) -> str | None:
    """What a docstring's `Args` say of an argument, in one line."""
    lines = text.partition("Args:\n")[2].splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(f"    {argument}: ")), None)
    if start is None:
        return None
    rest = lines[start + 1 :]
    more = next((i for i, line in enumerate(rest) if not line.startswith(" " * 8)), len(rest))
    first = lines[start].partition(": ")[2]
    return " ".join([first, *(line.strip() for line in rest[:more])])


class RegisteredMargin(Section):
    """A margin of your own, by the name under which `margins.register` has it.

    Attributes:
        name: the name under which it is registered.
    """

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)
    name: str

    @model_validator(mode="after")
    def _takes_these(self) -> "RegisteredMargin":
        known = [name for name in _options_of(self.name) if name not in GIVEN]
        if wrong := [name for name in self.model_extra or {} if name not in known]:
            listed = ", ".join(known) or "no arguments"
            raise ValueError(f"{self.name} has no `{wrong[0]}`; expected {listed}")
        return self


def _options_of(name: str) -> list[str]:
    margin = REGISTERED[name]
    has_none = margin.__init__ is object.__init__
    return [] if has_none else list(inspect.signature(margin).parameters)


def names() -> list[str]:
    """All margins, a user's own too."""
    return list(dict.fromkeys([*MARGINS, *REGISTERED]))


def unknown_margin(name: object) -> str:
    """The error about a name that no margin has."""
    return unknown("margin", name, names())


def _form_of_margin(value: Any) -> Any:
    """`number`, or the name that a margin's mapping has."""
    if isinstance(value, BaseModel):
        return type(value).__name__
    if not isinstance(value, dict):
        return "number"
    name = value.get("name")
    is_own = isinstance(name, str) and name not in MARGINS and name in REGISTERED
    return RegisteredMargin.__name__ if is_own else name


Angle = Annotated[float, Field(ge=0, lt=3.14159265)]
MARGINS: dict[str, type[Section]] = {section.__name__: section for section in _sections()}
FORMS: dict[str, Any] = {  # an error's location has them
    "number": float,
    **MARGINS,
    RegisteredMargin.__name__: RegisteredMargin,
}

if TYPE_CHECKING:
    Margin = float | Section
else:
    _FORMS = {"number": Angle, **{name: form for name, form in FORMS.items() if form is not float}}
    _TAGGED = [Annotated[form, Tag(name)] for name, form in _FORMS.items()]
    Margin = Annotated[reduce(operator.or_, _TAGGED), Discriminator(_form_of_margin)]
