"""Random access to images, labeled or not."""

from typing import Protocol

from framl_keras.data.sources.source import Sample


class Images(Protocol):
    """What a `Source` and the images of a `PairSet` have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
