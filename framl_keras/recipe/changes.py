"""Changes to a recipe's content, as `--set` gives them."""

from typing import Any

from framl_keras.errors import UserError
from framl_keras.untrusted.yaml_text import parse_yaml


def apply_change(content: dict[str, Any], change: str) -> None:
    """Sets the value at a dotted path, making the sections on the way."""
    path, equals, value = change.partition("=")
    *sections, key = path.split(".")
    if not equals or not all([*sections, key]):
        raise UserError(f"--set {change}: expected KEY=VALUE, such as train.epochs=3.")
    try:
        parsed = parse_yaml(value)
    except ValueError:
        raise UserError(f"--set {change}: the value is not YAML. Quote it.") from None
    section = content
    for name in sections:
        section = section.setdefault(name, {})
        if not isinstance(section, dict):
            raise UserError(f"--set {change}: `{name}` is a value, not a section.")
    section[key] = parsed
