"""Which rows of a step's batch this process has, where several processes share it."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple


class RowShare(NamedTuple):
    """One of several equal shares of a batch.

    Attributes:
        place: which, from 0: rows `place * n` to `(place + 1) * n`.
        shares: of how many.
    """

    place: int = 0
    shares: int = 1


_shares = [RowShare()]


def row_share() -> RowShare:
    """The share of this process; the whole batch unless within `shared_rows`."""
    return _shares[-1]


_of_classes = [False]


def is_of_classes() -> bool:
    """Whether what is built now has a row for each class."""
    return _of_classes[-1]


@contextlib.contextmanager
def rows_of_classes() -> Iterator[None]:
    """Within the block variables are built that have a row for each class, which devices share."""
    _of_classes.append(True)
    try:
        yield
    finally:
        _of_classes.pop()


@contextlib.contextmanager
def shared_rows(place: int, shares: int) -> Iterator[None]:
    """Within the block each tensor of rows is a share of the batch, in training.

    What depends on a row's place in the batch, or on all rows, takes that into account.
    """
    _shares.append(RowShare(place, shares))
    try:
        yield
    finally:
        _shares.pop()
