"""YAML files, read without running anything."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml

from framl_keras.errors import UserError
from framl_keras.recipe.packaged import packaged


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without running anything."""
    if not path.is_file():
        raise UserError(f"No such recipe: {path}. Expected {_what_exists(path)}.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not YAML: {reason}") from None
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


class Loader(yaml.SafeLoader):
    """YAML's safe loader, for which `5e-4` is a number as everywhere else."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)
