"""Part of a source, cut by identity: a person is inside or outside, never both."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError


class People(Source):
    """The samples of some of a source's identities, relabeled from 0.

    Args:
        source: where the samples are.
        classes: labels of the identities to keep, in the order of their new labels.

    Raises:
        UserError: if no identity is chosen.
    """

    def __init__(self, source: Source, classes: Iterable[int]):
        self.source, self.left_out = source, source.left_out
        kept = np.asarray(list(classes), dtype=np.int64)
        if not len(kept):
            raise UserError(
                f"No people chosen out of {len(source.class_names)}. Expected at least one; "
                "see `data.people`."
            )
        self.class_names = [source.class_names[label] for label in kept]
        new_label = np.full(len(source.class_names), -1, dtype=np.int64)
        new_label[kept] = np.arange(len(kept))
        relabeled = new_label[source.labels]
        self.indices = np.flatnonzero(relabeled >= 0)
        self.labels = relabeled[self.indices]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        sample = self.source[int(self.indices[index])]
        return sample._replace(label=int(self.labels[index]))

    def several(self, indices: Sequence[int]) -> list[Sample | UserError]:
        """See `Source`."""
        samples = self.source.several([int(self.indices[index]) for index in indices])
        return [
            each if isinstance(each, UserError) else each._replace(label=int(self.labels[index]))
            for index, each in zip(indices, samples, strict=True)
        ]

    def path_of(self, index: int) -> Path:
        """The file of a sample.

        Raises:
            UserError: if the source's images are not files.
        """
        return self.source.path_of(int(self.indices[index]))

    def name_of(self, index: int) -> str:
        """What the source calls a sample's file; empty if it says so in the key only."""
        return self.source.name_of(int(self.indices[index]))
