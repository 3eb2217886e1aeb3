"""Builds a pair set from named files, each file once however many pairs it is in."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framl_keras.data.pairs.pair_set import PairSet
from framl_keras.data.sources.image_file import read_image_file
from framl_keras.data.sources.source import Images, Sample


@dataclass(frozen=True)
class Start:
    """Where the relative paths of a list start from.

    Attributes:
        folder: the folder.
        rule: how it was chosen, in words.
        holds_the_first: whether the first path is there.
    """

    folder: Path
    rule: str
    holds_the_first: bool


def start_of(listed_by: Path, root: Path | None, first: str) -> Start:
    """The first of these folders that holds the first path of a list.

    These are `root`, the list's own folder, and the folders beside the list.

    Args:
        listed_by: the list.
        root: the folder asked for, if any.
        first: a path in the list.
    """
    folder_of_list = listed_by.parent
    beside = sorted(folder for folder in folder_of_list.iterdir() if folder.is_dir())
    places = [*([root] if root else []), folder_of_list, *beside]
    asked = "`data.root` (--root), " if root else ""
    rule = f"start from {asked}the list's folder or one inside, whichever holds the first image"
    holding = next((place for place in places if (place / first).exists()), None)
    return Start(holding or places[0], rule, holding is not None)


class NamedImages(Images):
    """Image files of a list, read when asked for.

    Args:
        files: the images.
        listed_by: the list that names them.
        labels: the identity of each, or -1 if unknown.
        rule: where relative paths start from, in words.
    """

    def __init__(self, files: list[Path], listed_by: Path, labels: np.ndarray, rule: str = ""):
        self.files, self.listed_by, self.labels, self.rule = files, listed_by, labels, rule

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int, /) -> Sample:
        path = self.files[index]
        image = read_image_file(path, str(self.listed_by), self.rule)
        return Sample(image, int(self.labels[index]), str(path))


def pairs_of_files(
    name: str,
    pairs: Iterable[tuple[Path, Path]],
    is_same: Sequence[bool],
    listed_by: Path,
    folds: Sequence[int] | None = None,
    rule: str = "",
    name_of: Callable[[Path], str | None] = lambda _: None,
) -> PairSet:
    """A pair set over the files that occur in `pairs`.

    Args:
        name: what the report calls the set.
        pairs: two files each.
        is_same: whether the two show one identity.
        listed_by: the list that names them.
        folds: of the pairs, where the list says.
        rule: where relative paths start from, in words.
        name_of: the identity in a file, or None where the list does not tell.
    """
    positions: dict[Path, int] = {}
    numbers = [[positions.setdefault(file, len(positions)) for file in pair] for pair in pairs]
    names = [name_of(file) for file in positions]
    numbered = {who: number for number, who in enumerate(dict.fromkeys(names))}
    labels = np.array([-1 if who is None else numbered[who] for who in names], dtype=np.int64)
    images = NamedImages(list(positions), listed_by, labels, rule)
    return PairSet(
        name,
        images,
        np.array(numbers, dtype=np.int64).reshape(-1, 2),
        np.array(is_same, dtype=bool),
        None if folds is None else np.array(folds, dtype=np.int64),
    )
