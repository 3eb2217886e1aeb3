"""Fits the docstrings' Markdown to Sphinx: fenced code, and examples without a blank line."""

import inspect
import re
from typing import Any

FENCE = re.compile(r"^(\s*)```(\w*)$")


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", tidy, priority=100)
    app.connect("autodoc-process-signature", constructor)
    return {"parallel_read_safe": True}


def constructor(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """The signature of a class: its constructor's, which Keras' `__new__` hides."""
    if what != "class" or not inspect.isfunction(getattr(obj, "__init__", None)):
        return None
    own = inspect.signature(obj.__init__)
    parameters = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in list(own.parameters.values())[1:]
    ]
    return str(own.replace(parameters=parameters, return_annotation=own.empty)), ""


def tidy(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrites one docstring in place, before Napoleon reads it."""
    lines[:] = indent_examples(fences_to_directives([escaped(line) for line in lines]))


def escaped(line: str) -> str:
    """Keeps bars and stars of formulas from being markup, outside code."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part[:1] == "`" else re.sub(r"([|*])", r"\\\1", part) for part in parts)


def fences_to_directives(lines: list[str]) -> list[str]:
    """Turns ```` ```python ```` blocks into `code-block` directives."""
    out: list[str] = []
    inside: str | None = None
    for line in lines:
        fence = FENCE.match(line)
        if fence and inside is None:
            inside = fence[1]
            out += [f"{inside}.. code-block:: {fence[2] or 'text'}", ""]
        elif fence:
            inside = None
            out.append("")
        else:
            out.append("    " + line if inside is not None and line else line)
    return out


def indent_examples(lines: list[str]) -> list[str]:
    """Indents what stands below `Example:` at the margin, as Napoleon's sections want it."""
    out: list[str] = []
    in_example = False
    for line in lines:
        is_heading = bool(re.match(r"[A-Z][\w ]*:$", line))
        if is_heading:
            in_example = line in ("Example:", "Examples:")
        out.append("    " + line if in_example and line and not is_heading else line)
    return out
