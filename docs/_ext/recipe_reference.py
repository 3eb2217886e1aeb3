"""Writes the page that lists every key of a recipe, from the JSON schema.

The directive `{recipe-keys}` stands in `docs/recipe-reference.md`; nothing is written by hand.
"""

from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from framl_keras.recipe import Recipe

BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "pattern": "matches `{}`",
}


class RecipeKeys(SphinxDirective):
    """All sections of a recipe with their keys."""

    def run(self) -> list[nodes.Node]:
        """The page's content."""
        lines = StringList(list(markdown(Recipe.model_json_schema())), source="recipe schema")
        container = nodes.Element()
        self.state.nested_parse(lines, self.content_offset, container, match_titles=True)
        return container.children


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("recipe-keys", RecipeKeys)
    return {"parallel_read_safe": True}


def markdown(schema: dict[str, Any]) -> Iterator[str]:
    """The lines of the reference: a heading and a table for each section."""
    sections = {"": schema, **{path: part for path, part in sections_of(schema)}}
    for path, section in sections.items():
        yield f"## {title(path)}"
        yield ""
        yield from section.get("description", "").partition("\n\nAttributes:")[0].splitlines()
        yield ""
        yield "| key | default | values | what it does |"
        yield "| --- | --- | --- | --- |"
        required = section.get("required", [])
        for key, each in section.get("properties", {}).items():
            place = f"{path.partition(':')[0]}.{key}".strip(".")
            default = "required" if key in required else shown(each.get("default"))
            taken = values(each, schema).replace("a section", f"the section `{place}`", 1)
            cells = (f"`{key}`", default, taken, each.get("description", ""))
            yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        yield ""


def title(path: str) -> str:
    """A section's heading."""
    return f"`{path}`" if path else "The recipe"


def sections_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each section with the path under which a recipe has it, outer ones first."""
    queue = [("", schema)]
    while queue:
        path, section = queue.pop(0)
        for key, each in section.get("properties", {}).items():
            for name in references(each):
                part = schema["$defs"][name]
                forms = len(list(references(each))) > 1
                place = f"{path}.{key}".strip(".")
                full = f"{place}: {name}" if forms else place
                if "properties" in part:
                    yield full, part
                    queue.append((place, part))


def references(part: Any) -> Iterator[str]:
    """Names of the sections that a key may hold, in order, each once."""
    seen: dict[str, None] = {}
    for name in _references(part):
        seen.setdefault(name)
    yield from seen


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for key in ("oneOf", "anyOf", "items", "allOf"):
            yield from _references(part.get(key))
    elif isinstance(part, list):
        for each in part:
            yield from _references(each)


def values(part: dict[str, Any], schema: dict[str, Any]) -> str:
    """The values that a key takes, in a few words."""
    if "$ref" in part:
        target = schema["$defs"][part["$ref"].rpartition("/")[2]]
        return "a section" if "properties" in target else values(target, schema)
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return ", ".join(shown(value) for value in part["enum"])
    for key in ("anyOf", "oneOf"):
        if key in part:
            forms = dict.fromkeys(values(each, schema) for each in part[key])
            return " or ".join(forms)
    kind = part.get("type", "any")
    bounds = [
        text.format(shown(part[key], plain=True)) for key, text in BOUNDS.items() if key in part
    ]
    named = {"null": "nothing", "object": "a mapping", "array": "a list", "number": "number"}
    return " ".join([named.get(kind, kind), ", ".join(bounds)]).strip()


def shown(value: Any, plain: bool = False) -> str:
    """A value as YAML writes it."""
    if isinstance(value, dict):
        return "its own defaults" if value else "`{}`"
    if value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    elif isinstance(value, float):
        text = f"{value:g}"
    else:
        text = "2^63" if value == 2**63 else str(value)
    return text if plain else f"`{text}`"
