"""Long work in parts: each is written by a process of its own, and one process joins them."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError
from framl_keras.untrusted.arrays import read_npz


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

    def within(self, items: int, chunk: int = 1) -> slice:
        """Which items are in it: whole chunks, so that no batch is another than without parts."""
        chunks = -(-items // chunk)
        first, last = ((self.index - step) * chunks // self.count for step in (1, 0))
        return slice(first * chunk, min(items, last * chunk))

    def file(self, output: Path, suffix: str = ".npz") -> Path:
        """Where it is written: in a folder beside the output."""
        return parts_of(output) / f"part-{self.index:05d}-of-{self.count:05d}{suffix}"


class Stored(NamedTuple):
    """What a part's file holds.

    Attributes:
        arrays: by name.
        told: what else there is, as JSON has it.
        settings: what the part was made with.
    """

    arrays: Mapping[str, np.ndarray]
    told: Mapping[str, Any]
    settings: Mapping[str, Any]


class WrittenPart(NamedTuple):
    """A part that is on disk.

    Attributes:
        file: where.
        is_new: whether it was written now.
        left_out: what is wrong with the images that could not be read, by name.
    """

    file: Path
    is_new: bool
    left_out: Mapping[str, str]


def part_of(text: str) -> Part:
    """A part as `i/n`.

    Raises:
        UserError: if it is none.

    Example:
    >>> part_of("2/8")
    Part(index=2, count=8)
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if match is None:
        raise UserError(f"--part: expected i/n with i from 1 to n, such as 1/8. Received: {text}")
    return Part(int(match[1]), int(match[2]))


def parts_of(output: Path) -> Path:
    """The folder in which an output's parts lie."""
    return output.with_name(f"{output.name}.parts")


def all_parts(output: Path, command: str, suffix: str = ".npz") -> list[Path]:
    """The files of all parts of an output, in order.

    Args:
        output: what the parts are of.
        command: what writes them, such as `encode`.
        suffix: how their names end.

    Raises:
        UserError: if one is missing, or there are parts of several counts.
    """
    folder = parts_of(output)
    name = re.compile(rf"part-\d+-of-(\d+){re.escape(suffix)}")
    matches = [match for file in folder.glob("part-*") if (match := name.fullmatch(file.name))]
    counts = sorted({int(match[1]) for match in matches})
    if not counts:
        raise UserError(f"{folder}: no parts. Write them: framl-keras {command} … --part 1/8")
    if len(counts) > 1:
        raise UserError(
            f"{folder}: parts of {' and of '.join(map(str, counts))}. Delete those of one count."
        )
    (count,) = counts
    files = [Part(index, count).file(output, suffix) for index in range(1, count + 1)]
    if missing := [file.name for file in files if not file.is_file()]:
        examples = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        raise UserError(f"{folder}: {len(missing)} of {count} parts are missing: {examples}")
    return files


def hash_of(names: Sequence[str]) -> str:
    """A hash of an ordered list of names."""
    return hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).hexdigest()


def facts_of(source: Source, location: str) -> dict[str, Any]:
    """What tells a source from another without reading images: place, labels and names."""
    names = "\0".join(source.class_names).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(np.ascontiguousarray(source.labels, dtype="<i8").tobytes() + names)
    return {"source": location, "labels_and_names": digest.hexdigest()}


def check_settings(file: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Checks that a part was made as another one, or as one that is asked for.

    Raises:
        UserError: if it has other settings.
    """
    if changed := [key for key in settings if before.get(key) != settings[key]]:
        told = ", ".join(f"{key} was {before.get(key)!r}, is {settings[key]!r}" for key in changed)
        remedy = f"Delete {file.parent}, or ask for what it was made with."
        raise UserError(f"{file}: made with other settings: {told}. {remedy}")


def write_stored(file: Path, stored: Stored) -> None:
    """Writes a part as one file.

    Raises:
        UserError: if it cannot be written.
    """
    told = json.dumps({"settings": dict(stored.settings), **stored.told})
    text = np.frombuffer(told.encode(), np.uint8)
    try:
        with write_beside(file) as beside, beside.open("wb") as stream:
            np.savez(stream, allow_pickle=False, told=text, **stored.arrays)
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}.") from None


def read_stored(file: Path) -> Stored:
    """What `write_stored` wrote.

    Raises:
        UserError: if it is damaged.
    """
    try:
        arrays = dict(read_npz(file))
        told = json.loads(arrays.pop("told").tobytes())
        return Stored(arrays, told, dict(told.pop("settings")))
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise damaged(file, error) from None


def damaged(file: Path, error: Exception) -> UserError:
    """What is said of a part's file with other things within than were written."""
    return UserError(f"{file}: damaged: {error}. Delete it, and make that part again.")
