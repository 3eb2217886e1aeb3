"""Cuts a source by identity into parts for training, validation and test."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.sources import People, Source
from framl_keras.errors import UserError

PARTS = ("train", "validation", "test")


def split_identities(count: int, shares: Sequence[float], seed: int = 0) -> list[np.ndarray]:
    """The labels of each part, ascending: seeded, disjoint, together all.

    Args:
        count: number of identities.
        shares: of each part, in any unit; a part with a share gets one identity at least.
        seed: decides which.

    Raises:
        UserError: if there are fewer identities than parts, or a share is negative.

    Example:
    >>> [part.tolist() for part in split_identities(5, (3, 1, 1))]
    [[2, 3, 4], [0], [1]]
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if not np.all(np.isfinite(wanted)) or wanted.min() < 0 or wanted.sum() <= 0:
        raise UserError(f"Expected shares from 0 on, such as 80 10 10. Received: {list(shares)}.")
    if count < np.count_nonzero(wanted):
        raise UserError(
            f"{count} identities for {np.count_nonzero(wanted)} parts. Expected one for each."
        )
    sizes = np.floor(wanted / wanted.sum() * count).astype(int)
    sizes = np.maximum(sizes, wanted > 0)
    while sizes.sum() != count:  # the part that is furthest from its share gives or takes
        distance = sizes - wanted / wanted.sum() * count
        able = (sizes > 1) if sizes.sum() > count else (wanted > 0)
        sign = -1 if sizes.sum() > count else 1
        sizes[np.argmin(np.where(able, sign * distance, np.inf))] += sign
    order = np.random.default_rng(seed).permutation(count)
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes)[:-1])]


def split(
    source: Source,
    destination: Path,
    shares: Sequence[float] = (80, 10, 10),
    seed: int = 0,
    kind: str | None = None,
) -> list[Path]:
    """Writes `train`, `validation` and `test` into a folder, no identity in two of them.

    Args:
        source: the images.
        destination: the folder.
        shares: of the identities, for each part; a part with 0 is not written.
        seed: decides which identities.
        kind: `list` (a CSV of paths), `tfrecord` or `arrayrecord`; a list if the images are
            files.

    Returns:
        The files.

    Raises:
        UserError: if a file exists, or there are too few identities.
    """
    kind = kind or ("list" if _are_files(source) else "tfrecord")
    suffix = "csv" if kind == "list" else kind
    labels = split_identities(len(source.class_names), shares, seed)
    files = []
    for name, chosen in zip(PARTS, labels, strict=True):
        if len(chosen):
            file = destination / f"{name}.{suffix}"
            part = People(source, chosen)
            if kind == "list":
                _write_list(part, file)
            else:
                convert(part, file, ConvertOptions(kind, seed=seed), f"{name} of {seed}")
            files.append(file)
    return files


def _are_files(source: Source) -> bool:
    try:
        return source.path_of(0).is_file()
    except UserError:
        return False


def _write_list(part: People, file: Path) -> None:
    """A table whose paths start from its own folder."""
    if file.exists():
        raise UserError(f"{file} exists already. Choose another folder, or remove it.")
    here = os.path.abspath(file.parent)
    try:
        with (
            write_beside(file) as beside,
            beside.open("w", encoding="utf-8", errors="surrogateescape", newline="") as out,
        ):
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            writer.writerow(("path", "label"))
            for index in range(len(part)):
                path = os.path.relpath(os.path.abspath(part.path_of(index)), here)
                writer.writerow((path, part.class_names[int(part.labels[index])]))
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror or error}.") from None
