"""Embeddings of a list in parts, each written by a process of its own, and their union."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.evaluation.embeddings import Embeddings
from framl_keras.untrusted.arrays import read_npz

_NAME = re.compile(r"part-(\d+)-of-(\d+)\.npz")


@dataclass(frozen=True)
class Part:
    """One of several parts of a list.

    Attributes:
        index: which, from 1.
        count: of how many.

    Raises:
        UserError: if there is no such part.
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UserError(
                "--part: expected i/n with i from 1 to n, such as 1/8. "
                f"Received: {self.index}/{self.count}"
            )

    def within(self, images: int, chunk: int) -> slice:
        """Which images are in it: whole chunks, so that no batch is another than without parts."""
        chunks = -(-images // chunk)
        first, last = ((self.index - step) * chunks // self.count for step in (1, 0))
        return slice(first * chunk, min(images, last * chunk))

    def file(self, output: Path) -> Path:
        """Where it is written: in a folder beside the output."""
        return parts_of(output) / f"part-{self.index:05d}-of-{self.count:05d}.npz"


def part_of(text: str) -> Part:
    """A part as `i/n`.

    Raises:
        UserError: if it is none.

    Example:
    >>> part_of("2/8")
    Part(index=2, count=8)
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if found is None:
        raise UserError(f"--part: expected i/n with i from 1 to n, such as 1/8. Received: {text}")
    return Part(int(found[1]), int(found[2]))


def parts_of(output: Path) -> Path:
    """The folder in which an output's parts lie."""
    return output.with_name(f"{output.name}.parts")


def hash_of(names: Sequence[str]) -> str:
    """A hash of an ordered list of names."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()


def check_settings(file: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Checks that a part was made as another one, or as one that is asked for.

    Raises:
        UserError: if it has other settings.
    """
    if changed := [key for key in settings if before.get(key) != settings[key]]:
        told = ", ".join(f"{key} was {before.get(key)!r}, is {settings[key]!r}" for key in changed)
        remedy = f"Delete {file.parent}, or ask for what it was made with."
        raise UserError(f"{file}: made with other settings: {told}. {remedy}")


def write_part(file: Path, embeddings: Embeddings, settings: Mapping[str, Any]) -> None:
    """Writes vectors, names, what was left out and settings as one file."""
    told = {
        "names": list(embeddings.names),
        "left_out": dict(embeddings.left_out),
        "settings": dict(settings),
    }
    text = np.frombuffer(json.dumps(told).encode(), np.uint8)
    try:
        with write_beside(file) as beside, beside.open("wb") as stream:
            np.savez(stream, vectors=embeddings.vectors, told=text)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}.") from None


def read_part(file: Path) -> tuple[Embeddings, dict[str, Any]]:
    """A part and its settings.

    Raises:
        UserError: if it is damaged.
    """
    try:
        arrays = read_npz(file)
        told = json.loads(arrays["told"].tobytes())
        vectors, names = arrays["vectors"], [str(name) for name in told["names"]]
        if vectors.dtype != np.float32 or vectors.shape[:-1] != (len(names),):
            raise ValueError("its names and vectors do not fit")
        return Embeddings(vectors, names, dict(told["left_out"])), dict(told["settings"])
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(f"{file}: damaged: {error}. Delete it, and encode it again.") from None


def merge_parts(output: str | Path) -> Embeddings:
    """The embeddings whose parts `encode --part` wrote for an output.

    Args:
        output: what `-o` was.

    Returns:
        What one process would have given, bit for bit.

    Raises:
        UserError: if a part is missing or damaged, or they have different settings.

    Example:
    >>> merge_parts("photos.npy").save("photos.npy")  # doctest: +SKIP
    """
    folder = parts_of(Path(output))
    found = sorted(folder.glob("part-*.npz"))
    named = [match for file in found if (match := _NAME.fullmatch(file.name))]
    counts = sorted({int(match[2]) for match in named})
    if not counts:
        raise UserError(f"{folder}: no parts. Write them: framl-keras encode … --part 1/8")
    if len(counts) > 1:
        raise UserError(
            f"{folder}: parts of {' and of '.join(map(str, counts))}. Delete those of one count."
        )
    files = [Part(index, counts[0]).file(Path(output)) for index in range(1, counts[0] + 1)]
    if missing := [file.name for file in files if not file.is_file()]:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise UserError(f"{folder}: {len(missing)} of {counts[0]} parts are missing: {some}")
    read = [read_part(file) for file in files]
    for file, (_, settings) in zip(files, read, strict=True):
        check_settings(file, settings, read[0][1])
    parts = [embeddings for embeddings, _ in read]
    filled = [part.vectors for part in parts if len(part)]
    if not filled:
        raise UserError(f"{folder}: no image could be read in any part.")
    names = [name for part in parts for name in part.names]
    left_out = {name: why for part in parts for name, why in part.left_out.items()}
    return Embeddings(np.concatenate(filled), names, left_out)
