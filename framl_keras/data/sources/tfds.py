"""Folders as TensorFlow Datasets (TFDS) writes them: shards of splits, and names of labels."""

import re
from collections.abc import Sequence
from pathlib import Path

from framl_keras.errors import UserError

INFO = "dataset_info.json"
_LABELS = ("label.labels.txt", "identity.labels.txt")
_SHARD = re.compile(r".+-(?P<split>\w+)\.(tfrecord|array_record)-\d{5}-of-\d{5}")
_LARGEST = 1 << 26


def names_beside(file: Path) -> list[str]:
    """The names of labels from 0 on, where TFDS keeps them; none elsewhere.

    Raises:
        UserError: if they cannot be read.
    """
    if not (file.parent / INFO).is_file():
        return []
    path = next((file.parent / name for name in _LABELS if (file.parent / name).is_file()), None)
    if path is None:
        return []
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("it is too large")
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the labels' names cannot be read: {error}.") from None


def one_split(folder: Path, files: Sequence[Path]) -> None:
    """Makes sure that a folder of TFDS has one split.

    Raises:
        UserError: if it has several; says how to name one.
    """
    if not (folder / INFO).is_file():
        return
    matches = [_SHARD.fullmatch(file.name) for file in files]
    splits = sorted({match["split"] for match in matches if match})
    if len(splits) > 1:
        raise UserError(
            f"{folder}: it has the splits {', '.join(splits)}. Name one with a glob, such as "
            f"'{folder}/*-{splits[-1]}.*'."
        )
