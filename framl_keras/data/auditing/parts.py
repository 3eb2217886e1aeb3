"""What comparing some of the training images has found, kept in parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framl_keras.data.auditing.audit import Compared, Match
from framl_keras.data.parts import (
    Stored,
    all_parts,
    check_settings,
    damaged,
    read_stored,
    write_stored,
)

_KINDS = (str, str, str, int, float)  # of a match' fields


def write_compared(file: Path, compared: Compared, settings: Mapping[str, Any]) -> None:
    """Writes what a part has found as one file."""
    write_stored(file, Stored({}, compared._asdict(), settings))


def read_compared(file: Path, settings: Mapping[str, Any]) -> Compared:
    """What a part has found.

    Raises:
        UserError: if the file is damaged, or was made with other settings.
    """
    stored = read_stored(file)
    check_settings(file, stored.settings, settings)
    try:
        matches = [Match(*(kind(value) for kind, value in zip(_KINDS, fields, strict=True)))
                   for fields in stored.told["matches"]]  # fmt: skip
        lines = (list(map(str, stored.told[name])) for name in ("unreadable", "test_unreadable"))
        return Compared(matches, *lines)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(file, error) from None


def merged(output: Path, settings: Mapping[str, Any]) -> list[Compared]:
    """What all parts have found, in order.

    Raises:
        UserError: if a part is missing or damaged, or was made with other settings.
    """
    return [read_compared(file, settings) for file in all_parts(output, "data audit")]
