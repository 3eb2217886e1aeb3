"""Margins by their names in a recipe, and from whatever a head is given."""

import inspect
import numbers
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

import keras
import numpy as np

from framl_keras.errors import UserError
from framl_keras.margins.margin import Margin
from framl_keras.registry import MARGINS, unknown

M = TypeVar("M", bound=type[Margin])


@overload
def register(name: str, margin: M, *, replace: bool = ...) -> M: ...
@overload
def register(name: str, *, replace: bool = ...) -> Callable[[M], M]: ...
@overload
def register(name: M, *, replace: bool = ...) -> M: ...


def register(name: Any, margin: Any = None, *, replace: bool = False) -> Any:
    """Lets recipes, `ArcMarginLayer` and saved models know a margin's class by its name.

    Forms: `@register`, `@register("name")` and `register("name", MyMargin)`. Its options in
    a recipe are the constructor's arguments; `seed` and `class_sizes` are given by training.
    The recipe names the module that registers: `imports: [my_margins]`.

    Args:
        name: the name; the class's own if only the class is given.
        margin: the class.
        replace: takes the place of what has the name already.

    Raises:
        ValueError: if the name is taken, or it is no subclass of `Margin`.

    Example:
    >>> class Tenth(Margin):
    ...     def target(self, cosine, norms, training, labels=None):
    ...         return cosine - 0.1
    >>> register("Tenth", Tenth) is Tenth, by_name("Tenth").get_config()
    (True, {})
    >>> _ = MARGINS._things.pop("Tenth")
    """
    if isinstance(name, str) and margin is None:
        return lambda decorated: register(name, decorated, replace=replace)
    name, margin = (name, margin) if isinstance(name, str) else (name.__name__, name)
    if not (inspect.isclass(margin) and issubclass(margin, Margin)):
        raise ValueError(
            f"`margin` must be a subclass of `framl_keras.margins.Margin`. Received: {margin!r}"
        )
    MARGINS.register(name, margin, replace=replace)
    own = margin.__module__.partition(".")[0] == "framl_keras"
    package = "framl_keras" if own else margin.__module__
    keras.saving.register_keras_serializable(package)(margin)
    return margin


def names() -> list[str]:
    """The names that `by_name` knows.

    Example:
    >>> names()[:3]
    ['AdaFace', 'ArcFace', 'CosFace']
    """
    return MARGINS.names()


def by_name(name: str, **options: Any) -> Margin:
    """A new margin.

    Args:
        name: one of `names()`.
        **options: arguments of the margin's class; what is left out has the paper's value.

    Raises:
        UserError: if there is none of that name, or an option is not one of its arguments.
        ValueError: if an option is out of range.

    Example:
    >>> by_name("CosFace", margin=0.4).get_config()
    {'margin': 0.4}
    """
    margin = MARGINS[name]
    known = arguments(name)
    for option in options:
        if option not in known:
            raise UserError(
                f"Unknown option {option!r} of the margin {name}. Expected one of {known}."
            )
    return margin(**options)


def arguments(name: str) -> list[str]:
    """The names of the arguments that the constructor of a margin takes.

    Raises:
        UserError: if there is none of that name.

    Example:
    >>> arguments("CurricularFace")
    ['margin', 'momentum']
    """
    margin = MARGINS[name]
    if margin.__init__ is object.__init__:
        return []
    return list(inspect.signature(margin).parameters)


def get(margin: float | str | Margin | Mapping[str, Any]) -> Margin:
    """The margin that a head was given: a number is ArcFace's.

    Args:
        margin: a number, a margin, a name, a mapping of a name and arguments, or a
            margin's serialized configuration.

    Raises:
        ValueError: if it is none of these, or out of range.

    Example:
    >>> get("CosFace").margin, get(0.3).margin
    (0.35, 0.3)
    """
    if isinstance(margin, numbers.Real | np.ndarray) and not isinstance(margin, bool):
        return MARGINS["ArcFace"](margin)
    if isinstance(margin, str) and margin in MARGINS:
        return by_name(margin)
    if isinstance(margin, Mapping):
        margin = by_name(**margin) if "name" in margin else _deserialized(margin)
    if not isinstance(margin, Margin):
        hint = f" {unknown('margin', margin, names())}" if isinstance(margin, str) else ""
        raise ValueError(
            "`margin` must be a number or a margin of `framl_keras.margins`, or its name. "
            f"Received: margin={margin!r}.{hint}"
        )
    return margin


def _deserialized(config: Mapping[str, Any]) -> Any:
    return keras.saving.deserialize_keras_object(dict(config))
