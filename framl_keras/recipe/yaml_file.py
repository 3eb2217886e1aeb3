"""YAML files, read without running anything."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml

from framl_keras.errors import UserError


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, read without running anything."""
    if not path.is_file():
        raise UserError(f"No such recipe: {path}. Expected a YAML file such as {_examples(path)}.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not YAML: {reason}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected keys and values such as `name: my-run`.")
    return content


def _examples(path: Path) -> str:
    """The recipe beside `path` with the most similar name, or the quick start."""
    beside = [file.name for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.4)
    return str(path.parent / near[0]) if near else "recipes/quickstart.yaml"


class Loader(yaml.SafeLoader):
    """YAML's safe loader, for which `5e-4` is a number as everywhere else."""


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)
