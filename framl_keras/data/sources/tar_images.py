"""Tar archives: WebDataset's shards, or folders `<identity>/…/<image>`.

WebDataset's members of one name are one sample: `000001.jpg` with its class in `000001.cls`, or
as `label` in `000001.json`. An index of where the images are is made once and kept.
"""

import hashlib
import os
import tarfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from framl_keras.data.image_formats import IMAGE_SUFFIXES
from framl_keras.data.records.damage import Damage
from framl_keras.data.records.index import IndexBuilder, RecordIndex, cached_index
from framl_keras.data.records.positioned_file import PositionedFile
from framl_keras.data.sources.image_file import LARGEST
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.records import refuse_damage
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.sources.walk import is_hidden
from framl_keras.errors import UserError
from framl_keras.untrusted.json_text import parse_json

KIND = "tar"
_BLOCK = 512
_LONGEST_LABEL = 1 << 16


class _Member(NamedTuple):
    """A file in the archive: its sample's name, its ending, and where it is."""

    sample: str
    ending: str
    offset: int
    size: int


class _Shard:
    """One archive and its index."""

    def __init__(self, path: Path):
        self.path = path
        self.index = cached_index(path, index_tar, KIND)
        self.file = PositionedFile(path)


class TarImages(Source):
    """Reads images and labels out of one or more tar archives by random access.

    Classes are the labels that occur, or the folders' names, in natural order; samples stay
    in the archives' order.

    Args:
        files: the archives, in order.
        on_error: `raise` refuses archives with damage, `skip` leaves out what is damaged.

    Raises:
        UserError: if no image can be read, or one cannot and `on_error` is `raise`.
    """

    def __init__(self, files: Sequence[Path], on_error: str = "raise"):
        self._shards = [_Shard(file) for file in files]
        self.left_out = refuse_damage(self._shards, on_error, "Restore the archive")
        self._ends = list(accumulate(len(shard.index) for shard in self._shards))
        names = [
            shard.index.names[int(number)]
            for shard in self._shards
            for number in shard.index.source_ids
        ]
        self.class_names = sorted(set(names), key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self.labels = np.array([position[name] for name in names], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        number = bisect_right(self._ends, index)
        shard = self._shards[number]
        position = index - (self._ends[number - 1] if number else 0)
        offset, size = int(shard.index.offsets[position]), int(shard.index.sizes[position])
        key = f"{shard.path}#{shard.index.numbers[position]}"
        data = shard.file.read(offset, size)
        if len(data) < size:
            raise UserError(f"{key}: the file ends within the image. Restore the archive.")
        return Sample(data, int(self.labels[index]), key)


def index_tar(path: Path) -> RecordIndex:
    """Reads an archive's headers and labels and indexes its images."""
    builder = IndexBuilder()
    file, number = PositionedFile(path), 0
    members = _members(path, builder)
    for _, group in groupby(members, key=lambda member: member.sample):
        sample = list(group)
        images = [m for m in sample if f".{m.ending}".endswith(IMAGE_SUFFIXES)]
        label = _label(file, sample)
        for member in images:
            if label and 0 < member.size <= LARGEST:
                builder.add(number, member.offset, member.size, _number_of(label), label)
            else:
                reason = (
                    "an image of impossible size"
                    if label
                    else (
                        "an image without a label: expected a .cls or .json of the same name, or a "
                        "folder that names its identity"
                    )
                )
                builder.add_damage(Damage(number, member.offset, reason))
            number += 1
    return builder.build()


def _members(path: Path, builder: IndexBuilder) -> Iterator[_Member]:
    """The archive's plain files; what follows damage is told of."""
    end = path.stat().st_size
    known = 0
    try:
        with (
            tarfile.open(path, "r:") as archive,
            tqdm(
                total=end, unit="B", unit_scale=True, desc=f"Indexing {path.name}", delay=1
            ) as bar,
        ):
            while member := archive.next():
                known = member.offset_data + (-(-member.size // _BLOCK) * _BLOCK)
                vars(archive)["members"].clear()  # or it keeps them all
                bar.update(max(known - bar.n, 0))
                if known > end:
                    builder.add_damage(Damage(len(builder), known, "the file ends within it"))
                    return
                if member.isfile() and not any(map(is_hidden, PurePosixPath(member.name).parts)):
                    yield _Member(*_split(member.name), member.offset_data, member.size)
    except (tarfile.TarError, OSError, ValueError, EOFError, OverflowError) as error:
        reason = " ".join(str(error).split())[:100]
        builder.add_damage(Damage(len(builder), known, f"not a sound archive: {reason}"))
        return
    if _has_more(path, known, end):
        lost = f"no member begins here; {end - known} bytes are lost"
        builder.add_damage(Damage(len(builder), known, lost))


def _has_more(path: Path, offset: int, end: int) -> bool:
    """Whether anything but zeros follows: a damaged header looks like the end to `tarfile`."""
    with path.open("rb") as file:
        file.seek(offset)
        while offset < end:
            part = file.read(1 << 20)
            if not part:
                return False
            if part.count(0) < len(part):
                return True
            offset += len(part)
    return False


def _split(name: str) -> tuple[str, str]:
    """A sample's name and what follows its first dot, as WebDataset has it."""
    folder, _, file = name.rpartition("/")
    stem, _, ending = file.partition(".")
    return (f"{folder}/{stem}" if folder else stem), ending.lower()


def _label(file: PositionedFile, sample: Sequence[_Member]) -> str:
    """The class of a sample: its `.cls`, its `.json`, or else the folder that it lies in."""
    for member in sample:
        if member.size > _LONGEST_LABEL:
            continue
        if member.ending == "cls":
            text = file.read(member.offset, member.size).decode("utf-8", errors="replace")
            return " ".join(text.split())
        if member.ending == "json":
            try:
                content = parse_json(file.read(member.offset, member.size))
            except ValueError:
                continue
            label = content.get("label", content.get("cls")) if isinstance(content, dict) else None
            if isinstance(label, str | int) and not isinstance(label, bool):
                return str(label)
    return os.path.basename(os.path.dirname(sample[0].sample))


def _number_of(label: str) -> int:
    """A number that tells labels apart, the same in every shard."""
    digest = hashlib.blake2b(label.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
