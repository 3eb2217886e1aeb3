"""JSON that need not be trusted: no deep nesting, no key twice, no endless number."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from framl_keras.errors import UserError

LARGEST = 1 << 26  # bytes; what we write is far below
_DEEPEST = 100
_LONGEST_NUMBER = 400  # digits; more takes Python quadratic time, and no float holds them


def read_json(path: Path, what: str, remedy: str, largest: int = LARGEST) -> Any:
    """The content of a JSON file.

    Args:
        path: the file.
        what: what it should be, for the error: "a run's classes".
        remedy: what to do if it is not.
        largest: bytes that it may take.

    Raises:
        UserError: if it cannot be read, or is not JSON.
    """
    try:
        if path.stat().st_size > largest:
            raise ValueError(f"it takes more than {largest >> 20} MiB")
        return parse_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}. {remedy}") from None
    except ValueError as error:
        raise UserError(f"{path}: not {what}: {error}. {remedy}") from None


def parse_json(text: bytes | str) -> Any:
    """The content of a text in JSON.

    Raises:
        ValueError: if it is not UTF-8 or not JSON, is nested too deeply, says a key twice, or
            has a number of hundreds of digits in it. NaN passes, for Keras writes it.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        content = json.loads(
            decoded,
            parse_int=_integer,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg[:1].lower()}{error.msg[1:]}") from None
    if _is_deeper(content, _DEEPEST):
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    return content


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands twice")
    return content


def is_number(value: Any) -> bool:
    """Whether what JSON says is a finite number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_deeper(content: Any, most: int) -> bool:
    level: list[Any] = [content]
    for _ in range(most):
        level = [item for part in level for item in _inside(part)]
        if not level:
            return False
    return True


def _inside(part: Any) -> Iterable[Any]:
    if isinstance(part, dict):
        return part.values()
    return part if isinstance(part, list) else ()
