"""A zip archive of `<identity>/…/<image>`, read where it lies.

An index of where the images are is made once and kept: a directory of a million members takes
many seconds to read.
"""

import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from framl_keras.data.image_formats import HEAD, IMAGE_SUFFIXES, image_format
from framl_keras.data.records.damage import Damage
from framl_keras.data.records.index import IndexBuilder, RecordIndex, cached_index
from framl_keras.data.records.positioned_file import PositionedFile
from framl_keras.data.sources.image_file import LARGEST
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.sources.walk import HIDDEN, NO_IMAGE, STRAY, is_hidden
from framl_keras.errors import UserError
from framl_keras.untrusted.zip_file import open_zip

KIND = "zip"
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, RuntimeError,
           OverflowError, MemoryError, ValueError, OSError)  # fmt: skip
_HEADER, _MAGIC = struct.Struct("<4s2xHH16xHH"), b"PK\3\4"
_UTF8 = 1 << 11


class ZipImages(Source):
    """Reads the images of an archive, one class for each folder, as `ImageFolder` does.

    A folder that holds all the others is no identity. Nothing is unpacked to the disk.

    Args:
        path: the archive.

    Raises:
        UserError: if it is damaged, or holds no image in any folder.
    """

    def __init__(self, path: Path):
        self.path, self._file = path, PositionedFile(path)
        try:
            self._index = cached_index(path, index_zip, KIND)
        except (ValueError, OSError) as error:
            raise UserError(f"{path}: {error}. Restore the archive.") from None
        self.left_out = [
            LeftOut(f"{path}#{self._name(damage.offset)}", damage.reason)
            for damage in self._index.damage
        ]
        if not len(self._index):
            raise UserError(f"{path}: no images in its folders. Expected <identity>/<image>.")
        self.labels = self._index.source_ids
        self.class_names = [self._index.names[label] for label in range(len(self._index.names))]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        offset, key = int(self._index.offsets[index]), f"{self.path}#{index}"
        try:
            name, start = self._header(offset)
            key = f"{self.path}#{_shown(name)}"
            if _checksum(name) != self._index.numbers[index]:
                raise ValueError("the directory calls it otherwise")
            packed = self._file.read(start, int(self._index.sizes[index]))
            data = _unpacked(packed, int(self._index.spans[index]))
        except (ValueError, zlib.error) as error:
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{key}: {reason}. Restore the archive.") from None
        return Sample(data, int(self.labels[index]), key)

    def _header(self, offset: int) -> tuple[str, int]:
        """A member's name, and where its data begin."""
        header = self._file.read(offset, _HEADER.size)
        if len(header) < _HEADER.size:
            raise ValueError("the file ends within it")
        magic, flags, _, named, extra = _HEADER.unpack(header)
        if magic != _MAGIC:
            raise ValueError("no member begins where the directory says")
        name = self._file.read(offset + _HEADER.size, named)
        encoding = "utf-8" if flags & _UTF8 else "cp437"
        return name.decode(encoding), offset + _HEADER.size + named + extra

    def _name(self, offset: int) -> str:
        try:
            return _shown(self._header(offset)[0])
        except ValueError:
            return f"member at {offset}"


def index_zip(path: Path) -> RecordIndex:
    """Reads an archive's directory and indexes its images.

    Of the columns `numbers` are checksums of the members' names, and `spans` the data's CRC-32
    and whether they are compressed. What is left out stands as damage.

    Raises:
        ValueError: if it is damaged.
        OSError: if it cannot be read.
    """
    builder, images = IndexBuilder(), {}
    with open_zip(path) as archive:
        for number, member in enumerate(
            tqdm(archive.infolist(), unit="file", desc=f"Indexing {path.name}", delay=1)
        ):
            if member.filename.endswith("/"):  # `is_dir` fails on a name of no letters
                continue
            if kind := _left_out(archive, member):
                builder.add_damage(Damage(number, member.header_offset, kind))
            else:
                images[member.filename] = member
    for label, (identity, members) in enumerate(_by_identity(list(images))):
        for name in members:
            member = images[name]
            span = member.CRC << 1 | (member.compress_type == zipfile.ZIP_DEFLATED)
            checksum, size = _checksum(member.orig_filename), member.compress_size
            builder.add(checksum, member.header_offset, size, label, identity, span)
    return builder.build()


def _left_out(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Why a member is none of the images, or an empty text."""
    if any(map(is_hidden, _parts(member.filename))):
        return HIDDEN
    if member.file_size > LARGEST or not _is_image(archive, member):
        return NO_IMAGE
    return "" if "/" in member.filename.strip("/") else STRAY


def _is_image(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    if member.filename.lower().endswith(IMAGE_SUFFIXES):
        return True
    try:
        with archive.open(member) as file:
            return image_format(file.read(HEAD)) is not None
    except _DAMAGE:
        return False


def _unpacked(packed: bytes, span: int) -> bytes:
    """A member's data, of the checksum that the directory states."""
    data = packed
    if span & 1:
        unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
        data = unpacking.decompress(packed, LARGEST)
        if not unpacking.eof:
            raise ValueError("its data are cut short")
    if zlib.crc32(data) != span >> 1:
        raise ValueError("its data are not those of its checksum")
    return data


def _checksum(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass"))


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part and part != "."]


def _shown(name: str) -> str:
    """A name as `zipfile` and systems have it: it ends where a zero is."""
    return name.partition("\0")[0]


def _by_identity(images: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The members of each identity in natural order, without a folder that holds all."""
    if not images:
        return []
    parts = {name: _parts(name) for name in images}
    folders = [split[:-2] for split in parts.values()]
    skip = next(at for at in range(len(folders[0]) + 1) if not _share(folders, at))
    groups: dict[str, list[str]] = {}
    for name in sorted(images, key=lambda name: [natural_key(part) for part in parts[name]]):
        groups.setdefault(parts[name][skip], []).append(name)
    return sorted(groups.items(), key=lambda group: natural_key(group[0]))


def _share(folders: Sequence[Sequence[str]], at: int) -> bool:
    """Whether all paths have the same folder at a depth."""
    return len({folder[at] if at < len(folder) else None for folder in folders} | {None}) == 2 and (
        all(at < len(folder) for folder in folders)
    )
