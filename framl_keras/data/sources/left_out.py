"""What a source leaves out: counted, named, and said in one way by whatever opens it."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

log = logging.getLogger(__name__)
_EXAMPLES = 3


class LeftOut(NamedTuple):
    """A file or record that is not among a source's images.

    Attributes:
        key: the file, or `file#record`.
        kind: what it is, the same words for all of its kind: `hidden`, `not an image`, …
        reason: what is wrong with this one, or an empty string if `kind` says all.
        unreadable: whether an image is lost that cannot be read, in contrast to what is no image.
    """

    key: str
    kind: str
    reason: str = ""
    unreadable: bool = False

    def __str__(self) -> str:
        return f"{self.key}: {self.reason or self.kind}"


def summary(left_out: Sequence[LeftOut]) -> str:
    """One line: how many, of which kinds, and the first few of each."""
    kinds: dict[str, list[LeftOut]] = {}
    for item in left_out:
        kinds.setdefault(item.kind, []).append(item)
    parts = [f"{len(items):,} {kind} ({_examples(items)})" for kind, items in kinds.items()]
    return f"{len(left_out):,} left out: {'; '.join(parts)}"


def report_left_out(location: str, left_out: Sequence[LeftOut]) -> None:
    """Logs a warning if something is left out."""
    if left_out:
        log.warning("%s: %s", location, summary(left_out))


def _examples(items: Sequence[LeftOut]) -> str:
    shown = [str(item) if item.reason else item.key for item in items[:_EXAMPLES]]
    return ", ".join(shown) + (", …" if len(items) > _EXAMPLES else "")
