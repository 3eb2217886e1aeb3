"""The order in which people count: `s2` comes before `s10`."""

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[tuple[int, int, str, str], ...]:
    """Sort key that compares runs of digits as numbers; their writing breaks ties."""
    return tuple(_part_key(part) for part in _DIGITS.split(name) if part)


def _part_key(part: str) -> tuple[int, int, str, str]:
    if part[0] not in "0123456789":
        return 1, 0, part, ""
    digits = part.lstrip("0")  # of two numbers without leading zeros the longer is larger
    return 0, len(digits), digits, part
