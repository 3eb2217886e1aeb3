"""What every on-disk training format looks like to the rest of the package."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np


class Sample(NamedTuple):
    """One image with its identity and where it came from.

    Attributes:
        image: encoded bytes (JPEG, PNG, …), or an RGB uint8 array `(height, width, 3)`.
        label: position of the identity in the source's `class_names`; -1 if unknown.
        key: where it came from (a path, or `file#record`), for messages and reports.
    """

    image: bytes | np.ndarray
    label: int
    key: str


@runtime_checkable
class Source(Protocol):
    """Random access to labeled images.

    Two methods make a source; counts and names are derived from what is on
    disk, never typed by hand. A source is safe to read from several threads.

    Attributes:
        class_names: the identity's name at each label.
        labels: int64 `(len(source),)`, the label of each sample, known without reading images.
    """

    @property
    def class_names(self) -> Sequence[str]:
        """The identity's name at each label."""
        ...

    @property
    def labels(self) -> np.ndarray:
        """The label of each sample, int64 `(len(source),)`."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
