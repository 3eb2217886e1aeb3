"""What is wrong with a record, before it is known whether that is an error or is skipped."""

from typing import NamedTuple


class DamagedRecordError(ValueError):
    """A record cannot be read; the message says why, its reader adds file and number."""


class Damage(NamedTuple):
    """A damaged place in a file.

    Attributes:
        record: number of the record in its file, from 0, damaged ones counted.
        offset: where it begins, in bytes.
        reason: what is wrong with it.
    """

    record: int
    offset: int
    reason: str
