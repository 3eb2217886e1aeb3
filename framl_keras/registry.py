"""Things that recipes and commands choose by name, open for names of your own."""

import difflib
import importlib
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, overload

from framl_keras.errors import UserError

PLUGINS = "framl_keras.plugins"  # the group of entry points that are modules to import

T = TypeVar("T")
log = logging.getLogger(__name__)


class Registry(Generic[T]):
    """Strict names for things of one kind.

    A name that is not known yet makes the installed plugins load once: modules under
    the entry point group `framl_keras.plugins`, which register what they bring.

    Args:
        kind: what the things are, to say so in errors, such as `margin`.

    Example:
    >>> shapes = Registry("shape")
    >>> @shapes.register
    ... class Circle:
    ...     corners = 0
    >>> shapes.register("square", 4)
    4
    >>> shapes.names(), shapes["square"]
    (['Circle', 'square'], 4)
    >>> shapes["sqare"]
    Traceback (most recent call last):
    ...
    framl_keras.errors.UserError: Unknown shape 'sqare'. Did you mean 'square'? Expected one of Circle, square.
    """  # noqa: E501

    def __init__(self, kind: str):
        self.kind = kind
        self._things: dict[str, T] = {}

    @overload
    def register(self, name: str, thing: T, *, replace: bool = ...) -> T: ...
    @overload
    def register(self, name: str, *, replace: bool = ...) -> Callable[[T], T]: ...
    @overload
    def register(self, name: T, *, replace: bool = ...) -> T: ...

    def register(self, name: Any, thing: Any = None, *, replace: bool = False) -> Any:
        """Adds a thing: `register("name", thing)`, `@register("name")`, or `@register`.

        Args:
            name: the name; of a decorated class or function, its own if none is given.
            thing: what has the name.
            replace: takes the place of what has the name already, as a notebook's cell
                that runs twice needs it.

        Returns:
            The thing, so that a class stays what it is.

        Raises:
            ValueError: if the name is taken or not a plain word.
        """
        if not isinstance(name, str):
            return self._add(name.__name__, name, replace)
        if thing is None:
            return lambda decorated: self._add(name, decorated, replace)
        return self._add(name, thing, replace)

    def __getitem__(self, name: str) -> T:
        """The thing of a name.

        Raises:
            UserError: if there is none; it says which there are.
        """
        if name not in self:
            raise UserError(unknown(self.kind, name, self._things))
        return self._things[name]

    def __contains__(self, name: object) -> bool:
        if name not in self._things:
            load_plugins()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def names(self) -> list[str]:
        """All names, in the order in which they were added."""
        return list(self._things)

    def _add(self, name: str, thing: T, replace: bool) -> T:
        if not name or any(sign.isspace() or sign in ":,=" for sign in name):
            raise ValueError(
                f"A {self.kind}'s name must be one word without `:`, `,` and `=`. "
                f"Received: name={name!r}"
            )
        if name in self._things and not replace:
            raise ValueError(
                f"There is a {self.kind} of that name already; choose another, or pass "
                f"`replace=True`. Received: name={name!r}"
            )
        self._things[name] = thing
        return thing


def unknown(kind: str, name: object, known: Iterable[str], more: str = "") -> str:
    """The error about a name that is not known: the nearest one, and all there are.

    Args:
        kind: what was looked for, such as `margin`.
        name: what was asked for.
        known: the names that exist.
        more: what else is possible, such as `keras_hub:NAME`.
    """
    names = list(known)
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
    also = f"; or {more}" if more else ""
    return f"Unknown {kind} {name!r}.{hint} Expected one of {', '.join(names)}{also}."


def import_modules(names: Iterable[str]) -> None:
    """Imports the modules that register a user's own things, also from the current folder.

    Raises:
        UserError: if one of them cannot be imported.
    """
    for name in names:
        if "" not in sys.path:
            sys.path.append("")  # a console script does not look there by itself
        try:
            importlib.import_module(name)
        except Exception as error:
            raise UserError(
                f"imports: {name}: {type(error).__name__}: {error}. Expected a module that Python "
                "finds: install it, or put its file into the current folder."
            ) from error


_loaded: list[str] = []


def load_plugins() -> list[str]:
    """Imports the installed plugins, once a process; one that fails is logged and passed over.

    Returns:
        The names of their entry points.
    """
    if PLUGINS not in _loaded:
        _loaded.append(PLUGINS)
        for plugin in entry_points(group=PLUGINS):
            try:
                plugin.load()
                _loaded.append(plugin.name)
            except Exception as error:
                log.warning("The plugin %s (%s) fails: %s", plugin.name, plugin.value, error)
    return _loaded[1:]


# The classes of margins, here so that recipes know the names without Keras.
MARGINS: Registry[Any] = Registry("margin")
