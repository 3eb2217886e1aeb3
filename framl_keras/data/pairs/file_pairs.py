"""Builds a pair set from named files, each file once however many pairs it is in."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.source import Sample


class NamedImages(Sequence[Sample]):
    """Image files of a list, read when asked for.

    Args:
        files: the images.
        listed_by: the list that names them.
        labels: the identity of each, or -1 if unknown.
    """

    def __init__(self, files: list[Path], listed_by: Path, labels: np.ndarray):
        self.files, self.listed_by, self.labels = files, listed_by, labels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        path = self.files[index]
        image = read_image_file(path, str(self.listed_by))
        return Sample(image, int(self.labels[index]), str(path))


def pairs_of_files(
    name: str,
    pairs: Iterable[tuple[Path, Path]],
    is_same: Sequence[bool],
    listed_by: Path,
    folds: Sequence[int] | None = None,
) -> PairSet:
    """A pair set over the files that occur in `pairs`."""
    positions: dict[Path, int] = {}
    numbers = [[positions.setdefault(file, len(positions)) for file in pair] for pair in pairs]
    images = NamedImages(list(positions), listed_by, np.full(len(positions), -1))
    return PairSet(
        name,
        images,
        np.array(numbers, dtype=np.int64).reshape(-1, 2),
        np.array(is_same, dtype=bool),
        None if folds is None else np.array(folds, dtype=np.int64),
    )
