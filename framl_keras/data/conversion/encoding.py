"""From a sample to the record that is written."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from framl_keras.data.records.example import Record, serialize
from framl_keras.data.records.index import span_of
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.transforms import decode, resize
from framl_keras.errors import UserError

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95,
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]  # fmt: skip


class Encoded(NamedTuple):
    """A record ready to be written.

    Attributes:
        data: the serialized `tf.train.Example`.
        source_id: the identity's number.
        name: the file's name in the record.
        digest: SHA-256 of number and image as an integer.
        span: where in `data` the image is; see `span_of`.
    """

    data: bytes
    source_id: int
    name: str
    digest: int
    span: int


class RecordEncoder:
    """Makes the records of a source.

    Args:
        source: where the samples are.
        online: whether records hold paths instead of images.
        size: side that images are stretched to, or None.

    Raises:
        UserError: if `online` is asked for and the images are not files.
    """

    def __init__(self, source: Source, online: bool, size: int | None):
        if online and len(source):
            source.path_of(0)
        self._source, self._online, self._size = source, online, size
        self._source_ids = source_ids(source.class_names)

    def encode(self, position: int) -> Encoded:
        """The record of a sample.

        Raises:
            UserError: if its image cannot be read.
        """
        label = int(self._source.labels[position])
        source_id = self._source_ids[label]
        if self._online:
            path = self._source.path_of(position)
            return _encoded(Record(source_id, str(path), None), str(path).encode())
        sample = self._source[position]
        image = encoded_image(sample, self._size)
        file_name = _file_name(self._name_of(position, sample.key))
        name = f"{_folder_name(self._source.class_names[label])}/{file_name}"
        return _encoded(Record(source_id, name, image), image)

    def _name_of(self, position: int, key: str) -> str:
        """What the source calls a sample's file: records keep a name, others have it in the key."""
        return self._source.name_of(position) or key


def encoded_image(sample: Sample, size: int | None) -> bytes:
    """The image as JPEG or PNG, which every reader of such records can decode.

    Bytes stay as they are where they can. What was JPEG stays JPEG when it is
    stretched; everything else becomes PNG, which loses nothing.

    Raises:
        UserError: if it is no image.
    """
    image = sample.image
    is_jpeg = isinstance(image, bytes) and image.startswith(_JPEG)
    if isinstance(image, bytes) and size is None and (is_jpeg or image.startswith(_PNG)):
        return image
    pixels = decode(sample)
    if isinstance(image, bytes) and pixels.shape[:2] == (size, size) and is_jpeg:
        return image
    pixels = pixels if size is None else resize(pixels, size)
    suffix, options = (".jpg", _QUALITY) if is_jpeg else (".png", [])
    written, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    if not written:
        raise UserError(f"{sample.key}: cannot be written as {suffix}.")
    return data.tobytes()


def source_ids(class_names: Iterable[str]) -> list[int]:
    """The number of each identity: its name if names are ascending numbers, or its rank."""
    names = list(class_names)
    if all(name.isascii() and name.isdigit() and len(name) < 18 for name in names):
        numbers = [int(name) for name in names]
        if np.all(np.diff(numbers) > 0):
            return numbers
    return list(range(len(names)))


def _encoded(record: Record, content: bytes) -> Encoded:
    number = record.source_id.to_bytes(8, "little", signed=True)
    digest = int.from_bytes(hashlib.sha256(number + content).digest(), "little")
    data = serialize(record)
    return Encoded(data, record.source_id, record.name, digest, span_of(data, record.image))


def _folder_name(class_name: str) -> str:
    return class_name.replace("/", "_").replace("\\", "_")


def _file_name(key: str) -> str:
    """The last part of a path or key: a file's name, or a record's number."""
    return key.replace("\\", "/").rpartition("/")[2]
