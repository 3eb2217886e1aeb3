"""Changes to a recipe's content, as `--set` gives them."""

from typing import Any

from framl_keras.errors import UserError
from framl_keras.untrusted.yaml_text import parse_yaml


def apply_change(content: dict[str, Any], change: str) -> None:
    """Sets the value at a dotted path, making the sections on the way."""
    path, equals, value = change.partition("=")
    if not equals or not all(path.split(".")):
        raise UserError(f"--set {change}: expected KEY=VALUE, such as train.epochs=3.")
    try:
        parsed = parse_yaml(value)
    except ValueError:
        raise UserError(f"--set {change}: the value is not YAML. Quote it.") from None
    apply_value(content, path, parsed)


def apply_value(content: dict[str, Any], path: str, value: Any) -> None:
    """Sets a value at a dotted path, making the sections on the way.

    Raises:
        UserError: if the path goes through a value.
    """
    *sections, key = path.split(".")
    section = content
    for name in sections:
        if section.get(name) is None:
            section[name] = {}
        section = section[name]
        if not isinstance(section, dict):
            raise UserError(f"{path}: `{name}` is a value, not a section.")
    section[key] = value
