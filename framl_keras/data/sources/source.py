"""What every on-disk training format looks like to the rest of the package."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from framl_keras.data.sources.left_out import LeftOut
from framl_keras.errors import UserError


class Sample(NamedTuple):
    """One image with its identity and where it came from.

    Attributes:
        image: encoded bytes (JPEG, PNG, …), or an RGB uint8 array `(height, width, 3)`.
        label: position of the identity in the source's `class_names`; -1 if unknown.
        key: where it came from (a path, or `file#record`), for messages and reports.

    Example:
    >>> Sample(np.zeros((8, 8, 3), np.uint8), 0, "made up").label
    0
    """

    image: bytes | np.ndarray
    label: int
    key: str


@runtime_checkable
class Images(Protocol):
    """Random access to images, labeled or not: a `Source`, or the images of a `PairSet`."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


@runtime_checkable
class Source(Images, Protocol):
    """Random access to labeled images.

    A class that derives from this one states `class_names`, `labels`, `__len__` and
    `__getitem__`; the rest has defaults. Counts and names are derived from what is on disk,
    never typed by hand. A source is safe to read from several threads.

    Attributes:
        class_names: the identity's name at each label.
        labels: int64 `(len(source),)`, the label of each sample, known without reading images.
        left_out: what lies there but is not among the images.

    Example:
    >>> class Black(Source):
    ...     class_names, labels = ["night", "cellar"], np.array([0, 1])
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return Sample(np.zeros((8, 8, 3), np.uint8), int(self.labels[index]), str(index))
    >>> Black()[1].label
    1
    """

    class_names: Sequence[str]
    labels: np.ndarray
    left_out: Sequence[LeftOut] = ()

    def several(self, indices: Sequence[int]) -> "list[Sample | UserError]":
        """Some samples, each or why it cannot be read; for sources that read many at a time."""
        return [_or_error(self, index) for index in indices]

    def path_of(self, index: int) -> Path:
        """The image file of a sample.

        Raises:
            UserError: if the source holds the image itself.
        """
        raise UserError(
            f"{self[index].key}: --online stores the paths of image files, but this source holds "
            "the images themselves. Convert without --online."
        )

    def name_of(self, index: int) -> str:
        """What the source calls a sample's file; empty if it says so in the key only."""
        return ""


def _or_error(source: Images, index: int) -> Sample | UserError:
    try:
        return source[index]
    except UserError as error:
        return error
