"""Lists the public names of the package with their docstrings, from `framl_keras.__all__`."""

import inspect
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import framl_keras


class PublicApi(SphinxDirective):
    """Sections for the names of the package itself, then for each of its modules."""

    def run(self) -> list[nodes.Node]:
        """The page's content."""
        own = [name for name in framl_keras.__all__ if not name.startswith("__")]
        modules = [name for name in own if inspect.ismodule(getattr(framl_keras, name))]
        seen: set[int] = set()
        lines = ["## framl_keras", ""]
        lines += directives("framl_keras", [name for name in own if name not in modules], seen)
        for name in modules:
            module = getattr(framl_keras, name)
            lines += [f"## framl_keras.{name}", "", (module.__doc__ or "").strip(), ""]
            lines += directives(f"framl_keras.{name}", getattr(module, "__all__", []), seen)
        container = nodes.Element()
        source = StringList(lines, source="framl_keras.__all__")
        self.state.nested_parse(source, self.content_offset, container, match_titles=True)
        return container.children


def directives(module: str, names: list[str], seen: set[int]) -> list[str]:
    """One autodoc directive for each class and function that has none yet."""
    lines = []
    for name in names:
        thing = getattr(__import__(module, fromlist=[name]), name)
        kind = "class" if inspect.isclass(thing) else "function" if callable(thing) else None
        if kind is None or id(thing) in seen:
            continue
        seen.add(id(thing))
        lines += ["```{eval-rst}", f".. auto{kind}:: {module}.{name}"]
        lines += ["   :members:"] if kind == "class" and documented(thing) else []
        lines += ["```", ""]
    return lines


def documented(thing: type) -> bool:
    """Whether a class is ours; the members of Keras' classes are Keras' to document."""
    return not any(base.__module__.startswith("keras") for base in thing.__mro__)


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("public-api", PublicApi)
    return {"parallel_read_safe": True}
