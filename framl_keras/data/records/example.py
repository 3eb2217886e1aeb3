"""A `tf.train.Example` with an image and a label: FRAML's, which we write, and others'.

A few lines of protocol buffers, so that neither reading nor writing needs
TensorFlow. Field numbers are those of `tensorflow/core/example/*.proto`.
"""

import struct
from typing import NamedTuple

from framl_keras.data.records.damage import DamagedRecordError

SOURCE_ID = b"image/source_id"
FILENAME = b"image/filename"
ENCODED = b"image/encoded"
IMG_PATH = b"image/img_path"
LABELS = (SOURCE_ID, b"label", b"image/class/label", b"identity")  # TFDS', ImageNet's
IMAGES = (ENCODED, b"image", b"image_raw")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types


class Record(NamedTuple):
    """One image: its bytes ("binary"), or where it is ("online").

    Attributes:
        source_id: the identity's number.
        name: the file's name, usually `<identity>/<file>`.
        image: the encoded image, or None for a record that holds a path only.
    """

    source_id: int
    name: str
    image: bytes | None


def parse(data: bytes) -> Record:
    """Reads a serialized `tf.train.Example`.

    Raises:
        DamagedRecordError: if it is none, or lacks a feature.
    """
    try:
        features = _features(data)
    except (IndexError, struct.error):
        raise DamagedRecordError("the record is cut short") from None
    return Record(_source_id(features), _name(features), _image(features))


def serialize(record: Record) -> bytes:
    """Writes a `tf.train.Example`, features in the order of their names."""
    name, image = record.name.encode("utf-8", "surrogateescape"), record.image
    pieces = _entry(SOURCE_ID, 3, _varint(record.source_id & (2**64 - 1)))
    if image is None:
        pieces = _entry(IMG_PATH, 1, name) + pieces
    else:
        pieces = _entry(ENCODED, 1, image) + _entry(FILENAME, 1, name) + pieces
    return b"".join([_ONE, _varint(sum(map(len, pieces))), *pieces])


def _source_id(features: dict[bytes, bytes | int | float]) -> int:
    label = next((features[name] for name in LABELS if name in features), None)
    if isinstance(label, float) and abs(label) <= 2**24 and label.is_integer():  # false for NaN
        label = int(label)  # beyond 2^24, float32 skips whole numbers
    if not isinstance(label, int):
        raise DamagedRecordError(
            f"expected an integer `image/source_id` or `label`, not {_described(label)}"
        )
    return label


def _name(features: dict[bytes, bytes | int | float]) -> str:
    name = features.get(FILENAME, features.get(IMG_PATH, b""))
    if not isinstance(name, bytes):
        raise DamagedRecordError(f"expected a file name as bytes, not {_described(name)}")
    return name.decode("utf-8", "surrogateescape")


def _image(features: dict[bytes, bytes | int | float]) -> bytes | None:
    name = next((name for name in IMAGES if name in features), ENCODED)
    image = features.get(name)
    if image is None and IMG_PATH not in features:
        raise DamagedRecordError("expected `image/encoded`, `image` or `image/img_path`")
    if image is not None and not isinstance(image, bytes):
        raise DamagedRecordError(f"expected `{name.decode()}` as bytes, not {_described(image)}")
    return image


def _described(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:20]}"


def _features(data: bytes) -> dict[bytes, bytes | int | float]:
    """The first value of each feature, by name."""
    features: dict[bytes, bytes | int | float] = {}
    for number, start, stop in _fields(data, 0, len(data)):  # Example.features
        if number == 1:
            for inner, entry, end in _fields(data, start, stop):  # Features.feature, a map
                if inner == 1:
                    _add_feature(features, data, entry, end)
    return features


def _add_feature(
    features: dict[bytes, bytes | int | float], data: bytes, start: int, stop: int
) -> None:
    """Reads one entry of the map: a name and a `Feature`."""
    name, value = b"", None
    for number, begin, end in _fields(data, start, stop):
        if number == 1:
            name = data[begin:end]
        elif number == 2:
            value = _value(data, begin, end)
    if value is not None:
        features[name] = value


def _value(data: bytes, start: int, stop: int) -> bytes | int | float | None:
    """The first value of a `Feature`, or None if it is empty."""
    for kind, begin, end in _fields(data, start, stop):
        if begin == end:
            return None
        if kind == 1:
            number, first, last = _fields(data, begin, end)[0]
            return data[first:last] if number == 1 else None
        if kind == 2:
            return float(struct.unpack_from("<f", data, _packed(data, begin, end))[0])
        if kind == 3:
            number, _ = _read_varint(data, _packed(data, begin, end))
            return number - 2**64 if number >= 2**63 else number
    return None


def _packed(data: bytes, start: int, stop: int) -> int:
    """Where the first number of a list is, packed or not."""
    tag, at = _read_varint(data, start)
    if tag & 7 == _BYTES:
        length, at = _read_varint(data, at)
        if length == 0 or at + length > stop:
            raise IndexError
    return at


def _fields(data: bytes, at: int, stop: int) -> list[tuple[int, int, int]]:
    """Each field's number, and where its contents begin and end (nowhere for numbers)."""
    fields = []
    while at < stop:
        tag = data[at]
        if tag < 128:  # a number of one byte needs no call; nearly all are
            at += 1
        else:
            tag, at = _read_varint(data, at)
        wire = tag & 7
        if wire == _BYTES:
            length = data[at]
            start = at + 1
            if length >= 128:
                length, start = _read_varint(data, at)
            at = start + length
            if at > stop:
                raise IndexError
            fields.append((tag >> 3, start, at))
        elif wire == _VARINT:
            _, at = _read_varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            at += 4 if wire == _FIXED32 else 8
        else:
            raise DamagedRecordError("not a tf.train.Example")
    return fields


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A base-128 number and the position after it."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while byte >= 128:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        shift += 7
        if shift > 70:
            raise DamagedRecordError("a number is too long; not a tf.train.Example")
    return value & (2**64 - 1), at + 1


def _varint(value: int) -> bytes:
    """A number in base 128, the lowest digit first."""
    if value < 128:
        return _DIGITS[value]  # nearly all
    parts = bytearray()
    while value >= 128:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_DIGITS = [bytes([digit]) for digit in range(128)]
_ONE, _TWO = bytes([1 << 3 | _BYTES]), bytes([2 << 3 | _BYTES])  # the tags of fields 1 and 2


def _entry(name: bytes, kind: int, content: bytes) -> list[bytes]:
    """An entry of the features' map: a name, and a list of the kind that holds one value.

    Built from the inside out, each part being preceded by its size; the content,
    which may be an image, is not copied.
    """
    value = _ONE + _varint(len(content))
    size = len(value) + len(content)
    values = bytes([kind << 3 | _BYTES]) + _varint(size)
    size += len(values)
    feature = _TWO + _varint(size)
    key = _ONE + _varint(len(name)) + name
    size += len(feature) + len(key)
    return [_ONE + _varint(size) + key + feature + values + value, content]
