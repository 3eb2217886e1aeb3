"""YAML that need not be trusted: nothing runs, no alias multiplies, no key stands twice."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

LARGEST = 1 << 17  # characters; a megabyte takes half a minute
_DEEPEST = 50
_MOST_ALIASES = 16
_MOST_PARTS = 100_000
_LONGEST_NUMBER = 400


def parse_yaml(text: bytes | str) -> Any:
    """What a text in YAML says; nothing in it is run.

    Raises:
        ValueError: if it is not UTF-8 or not YAML, too large or nested too deeply, grows by
            aliases, or says a key twice.
    """
    if len(text) > LARGEST:
        raise ValueError(f"it takes more than {LARGEST >> 10} KiB")
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8-sig")
        _check_events(decoded)
        content = yaml.load(decoded, Loader=_Loader)
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:200] or type(error).__name__) from None
    if not _is_finite(content):
        raise ValueError("an alias stands within itself, or its aliases multiply")
    return content


def _check_events(text: str) -> None:
    """Raises for what no recipe needs, before anything is built."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=_Loader):
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or aliases > _MOST_ALIASES:
            what = "nested too deeply" if depth > _DEEPEST else "full of aliases"
            raise ValueError(f"{_line(event)}: it is {what}")
        if isinstance(event, yaml.ScalarEvent) and event.style is None:
            digits = event.value.lstrip("-+")
            if len(digits) > _LONGEST_NUMBER and digits[:1].isdigit():
                raise ValueError(f"{_line(event)}: a number of many digits")


def _line(event: yaml.Event) -> str:
    return f"line {event.start_mark.line + 1 if event.start_mark else '?'}"


def _is_finite(content: Any) -> bool:
    """Whether a walk through all parts comes to an end soon, aliases followed."""
    parts, count = [content], 0
    while parts:
        part = parts.pop()
        count += 1
        if count > _MOST_PARTS:
            return False
        if isinstance(part, dict):
            parts.extend(part.values())
        elif isinstance(part, list | tuple | set):
            parts.extend(part)
    return True


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, for which `5e-4` is a number as everywhere else."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, whose keys must differ."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1 and key != "<<"), None)
        if twice is not None:
            raise ValueError(f"the key {str(twice)[:60]!r} stands twice")
        return super().construct_mapping(node, deep=deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"),
    list("-+0123456789"),
)
