"""What a folder says about how its faces were aligned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import read_json

SETTINGS = "alignment.json"
KEYS = ("detector", "detector_sha256", "template", "size", "border")


def alignment_above(path: str | Path) -> dict[str, Any] | None:
    """The alignment of the nearest folder that holds a path and says one; None if none does.

    Args:
        path: an image, or a folder.

    Raises:
        UserError: if what the folder says is damaged.
    """
    whole = Path(path).absolute()
    for folder in (whole, *whole.parents):
        if (folder / SETTINGS).is_file():
            return _settings(folder / SETTINGS)
    return None


def alignment_of(locations: str | Sequence[str]) -> dict[str, Any] | None:
    """The alignment that all training data share; None if one of them says none, or another.

    Args:
        locations: the recipe's `data.train`.
    """
    named = [locations] if isinstance(locations, str) else locations
    above = [alignment_above(each) if Path(each).exists() else None for each in named]
    return above[0] if above and all(each == above[0] for each in above) else None


def _settings(path: Path) -> dict[str, Any]:
    remedy = "Align the photos anew: framl-keras align"
    content = read_json(path, "the settings of a folder of aligned faces", remedy)
    if not isinstance(content, dict) or not set(KEYS) <= set(content):
        raise UserError(f"{path}: damaged. {remedy}")
    return {key: content[key] for key in KEYS}
