"""What was seen of a source's images, kept in parts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.checking.look import Look
from framl_keras.data.parts import (
    Stored,
    all_parts,
    check_settings,
    damaged,
    read_stored,
    write_stored,
)

_NUMBERS = {"position": np.int64, "digest": np.uint64, "height": np.int64, "width": np.int64}


def write_looks(file: Path, looks: list[Look], settings: Mapping[str, Any]) -> None:
    """Writes a part's looks as one file."""
    arrays = {
        name: np.array([getattr(look, name) for look in looks], dtype=kind)
        for name, kind in _NUMBERS.items()
    }
    problems = {str(at): look.problem for at, look in enumerate(looks) if look.problem}
    write_stored(file, Stored(arrays, {"problems": problems}, settings))


def read_looks(file: Path, settings: Mapping[str, Any]) -> list[Look]:
    """A part's looks.

    Raises:
        UserError: if the file is damaged, or was made with other settings.
    """
    stored = read_stored(file)
    check_settings(file, stored.settings, settings)
    try:
        numbers = [stored.arrays[name] for name in _NUMBERS]
        kinds = [array.dtype for array in numbers] == [np.dtype(kind) for kind in _NUMBERS.values()]
        if not kinds or len({array.shape for array in numbers}) != 1 or numbers[0].ndim != 1:
            raise ValueError("its numbers do not fit")
        problems = {int(at): str(line) for at, line in stored.told["problems"].items()}
        rows = zip(*(array.tolist() for array in numbers), strict=True)
        looks = [
            Look(position, digest, height, width, problems.get(at, ""))
            for at, (position, digest, height, width) in enumerate(rows)
        ]
        if any(not 0 <= look.position < settings["images"] for look in looks):
            raise ValueError("positions beyond the images")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file, error) from None
    return looks


def merged_looks(output: Path, settings: Mapping[str, Any]) -> list[Look]:
    """The looks of all parts, in order.

    Raises:
        UserError: if a part is missing or damaged, or was made with other settings.
    """
    files = all_parts(output, "data check")
    return [look for file in files for look in read_looks(file, settings)]
