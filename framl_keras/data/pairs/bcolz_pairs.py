"""Verification sets as face.evoLVe, arcface-tf2 and FRAML keep them: bcolz arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framl_keras.data.pairs.bcolz_array import BcolzArray, is_bcolz
from framl_keras.data.pairs.pair_set import PairSet, pairs_in_order
from framl_keras.data.sources.source import Sample
from framl_keras.errors import UserError
from framl_keras.untrusted.arrays import read_numbers

_FIRST = ("lfw", "agedb_30", "cfp_fp")  # in the order of FRAML's tables


class BcolzImages(Sequence[Sample]):
    """The images of a `(2N, 3, height, width)` array as RGB pixels.

    Args:
        array: BGR, floats in [-1, 1] or uint8.

    Raises:
        UserError: if the array has another shape or type.
    """

    def __init__(self, array: BcolzArray):
        if len(array.shape) != 4 or array.shape[1] != 3 or 0 in array.shape:
            raise UserError(
                f"{array.path}: expected images (2N, 3, height, width), not {array.shape}."
            )
        if array.dtype != np.uint8 and array.dtype.kind != "f":
            raise UserError(f"{array.path}: expected floats or uint8, not {array.dtype}.")
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: int) -> Sample:  # type: ignore[override]
        key = f"{self.array.path}#{index}"
        image = _pixels(self.array[index], key)
        return Sample(np.ascontiguousarray(image[::-1].transpose(1, 2, 0)), -1, key)


def bcolz_pairs(path: Path, name: str) -> PairSet:
    """Opens the array at `path` with its answers in `<path>_list.npy`.

    Raises:
        UserError: if one of them is missing or damaged, or they do not fit together.
    """
    answers = read_numbers(_list_of(path))
    if answers.ndim != 1 or not np.isin(answers, (0, 1)).all():
        raise UserError(f"{_list_of(path)}: expected true or false for each pair.")
    return pairs_in_order(name, BcolzImages(BcolzArray(path)), answers.astype(bool), str(path))


def find_bcolz(folder: Path) -> list[Path]:
    """The sets right inside a folder or one level below, LFW first."""
    inside = [path for path in folder.iterdir() if path.is_dir()]
    below = [path for parent in inside for path in parent.iterdir() if path.is_dir()]
    paths = [path for path in [*inside, *below] if is_bcolz(path) and _list_of(path).is_file()]
    return sorted(paths, key=lambda path: (_rank(path.name), path))


def _rank(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _list_of(path: Path) -> Path:
    return path.with_name(f"{path.name}_list.npy")


def _pixels(values: np.ndarray, key: str) -> np.ndarray:
    """8-bit pixels of an image that may hold floats in [-1, 1]."""
    if values.dtype == np.uint8:
        return values
    scaled = (values.astype(np.float64) + 1) * 127.5
    if not (scaled.min() > -1.5 and scaled.max() < 256.5):  # NaN fails too
        raise UserError(f"{key}: expected pixels in [-1, 1]; found others, or NaN.")
    return np.rint(scaled).clip(0, 255).astype(np.uint8)
