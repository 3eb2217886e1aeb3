"""YAML files, read without running anything."""

import difflib
from pathlib import Path
from typing import Any

from framl_keras.errors import UserError
from framl_keras.recipe.packaged import packaged
from framl_keras.untrusted.yaml_text import parse_yaml


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without running anything."""
    if not path.is_file():
        raise UserError(f"No such recipe: {path}. Expected {_what_exists(path)}.")
    try:
        content = parse_yaml(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UserError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values such as `name: my-run`.")
    return content


def _what_exists(path: Path) -> str:
    """The recipe with the most similar name, beside `path` or packaged, or all packaged ones."""
    beside = path.parent.glob("*.yaml") if path.parent.is_dir() else ()
    known = {file.name: str(file) for file in beside}
    if path.parent == Path():
        known |= {name: name for name in packaged()}
    near = difflib.get_close_matches(path.name, known, n=1, cutoff=0.4)
    if near:
        return f"a YAML file or a packaged recipe, such as {known[near[0]]}"
    return f"a YAML file or one of the packaged recipes {', '.join(packaged())}"
