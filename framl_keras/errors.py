"""The error of everything that a user can fix."""

import re
from typing import Any

_LINE_ENDS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


class UserError(ValueError):
    """Something in the user's files, recipe or command line is not as expected.

    The message is one line: what was wrong, where (file, record or key), what
    was expected, and what to do next; what it quotes may have had several. The
    command line prints it without a stack trace and exits with status 2.

    Example:
    >>> str(UserError("no column 'a\\nb'. Expected path."))
    "no column 'a b'. Expected path."
    """

    def __init__(self, *arguments: Any):
        super().__init__(*(_in_one_line(each) for each in arguments))


def _in_one_line(value: Any) -> Any:
    """An error or a text without line ends; anything else as it is."""
    if isinstance(value, Exception):
        value = str(value)
    return _LINE_ENDS.sub(" ", value) if isinstance(value, str) else value
