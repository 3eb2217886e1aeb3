"""MXNet's `train.rec`, with or without `train.idx`, as insightface distributes faces."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from framl_keras.data.records.damage import Damage, DamagedRecordError
from framl_keras.data.records.index import IndexBuilder, RecordIndex, cached_index
from framl_keras.data.records.positioned_file import PositionedFile
from framl_keras.data.records.record_io import measure, parse_header, read_record
from framl_keras.data.sources.labels import dense_labels
from framl_keras.data.sources.records import refuse_damage
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError

KIND = "recordio 2"
_LARGEST = 2.0**24  # labels are stored as float32, which skips whole numbers beyond it


class RecordIO(Source):
    """Reads images and labels from MXNet's RecordIO.

    insightface's files begin with a record without image that says which keys
    hold images, and end with such records for the identities; they are passed
    over. Labels are the ranks of the labels that occur, whole numbers from 0 to 2^24.

    Args:
        path: the `.rec` file. Keys are taken from the `.idx` beside it, if there is one.
        on_error: `raise` refuses a file with damaged records, `skip` leaves these out.

    Attributes:
        left_out: the damaged records.

    Raises:
        UserError: if no record can be read, one cannot and `on_error` is `raise`, or
            the `.idx` belongs to another file.
    """

    def __init__(self, path: Path, on_error: str = "raise"):
        self.path = path
        keys = path.with_suffix(".idx")
        kind = f"{KIND} {_stamp(keys)}" if keys.is_file() else KIND
        self.index = cached_index(path, index_record_io, kind)
        self.left_out = refuse_damage([self], on_error, "Restore the file")
        self._file = PositionedFile(path)
        self.labels, numbers = dense_labels(self.index.source_ids)
        self.class_names = [str(number) for number in numbers]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        key = f"{self.path}#{self.index.numbers[index]}"
        offset, size = self.index.offsets[index], self.index.sizes[index]
        try:
            data = read_record(self._file, int(offset), int(size))
            header = parse_header(data)
        except DamagedRecordError as error:
            raise UserError(f"{key}: {error}. Restore the file.") from None
        return Sample(data[header.size :], int(self.labels[index]), key)


def index_record_io(path: Path) -> RecordIndex:
    """Looks at the head of every record and indexes those that hold an image.

    Raises:
        UserError: if the `.idx` beside the file belongs to another one.
    """
    keys = path.with_suffix(".idx")
    file, size = PositionedFile(path), path.stat().st_size
    with tqdm(total=size, unit="B", unit_scale=True, desc=f"Indexing {path.name}", delay=1) as bar:
        if not keys.is_file():
            return _indexed_in_order(file, size, bar)
        pairs = _read_keys(keys, path)
        index = _indexed_by_keys(file, size, pairs, bar)
    return _explained(index, file, size, keys, pairs) if index.damage else index


def _indexed_in_order(file: PositionedFile, end: int, bar: "tqdm[Any]") -> RecordIndex:
    """Goes from record to record until the end of the file, or to where the chain breaks."""
    builder, offset, number = IndexBuilder(), 0, 0
    while offset < end:
        try:
            taken = _add(builder, file, number, offset, end)
        except DamagedRecordError as error:
            builder.add_damage(Damage(number, offset, f"{error}; {end - offset} bytes are lost"))
            break
        bar.update(taken)
        offset += taken
        number += 1
    return builder.build()


def _indexed_by_keys(
    file: PositionedFile, end: int, keys: list[tuple[int, int]], bar: "tqdm[Any]"
) -> RecordIndex:
    """Looks at the records that the `.idx` lists."""
    builder = IndexBuilder()
    for key, offset in keys:
        try:
            if offset >= end:
                raise DamagedRecordError(f"the file ends at byte {end}, before the record")
            bar.update(_add(builder, file, key, offset, end))
        except DamagedRecordError as error:
            builder.add_damage(Damage(key, offset, str(error)))
    return builder.build()


def _explained(
    index: RecordIndex, file: PositionedFile, end: int, keys: Path, pairs: list[tuple[int, int]]
) -> RecordIndex:
    """The index with reasons that say whether the records or the `.idx` are at fault.

    Raises:
        UserError: if the `.idx` belongs to another file.
    """
    with tqdm(disable=True) as bar:
        in_order = _indexed_in_order(file, end, bar)
    records = file.path.name
    beyond = [pair for pair in pairs if pair[1] >= end]
    if in_order.damage:
        remedy = f"{records} itself is cut short or damaged: restore it"
    elif beyond and len(in_order) >= len(pairs):
        raise UserError(
            f"{keys}: the key {beyond[0][0]} is said to be at byte {beyond[0][1]} of {end}; it "
            f"belongs to another file. Delete {keys} to read {records} without it, or restore it."
        )
    elif beyond:
        remedy = f"{records} is cut short, or {keys.name} is of another file: restore them"
    else:
        remedy = f"{records} is whole without {keys.name}, which is wrong: delete {keys}"
    explained = tuple(d._replace(reason=f"{d.reason}; {remedy}") for d in index.damage)
    return replace(index, damage=explained)


def _add(builder: IndexBuilder, file: PositionedFile, number: int, offset: int, end: int) -> int:
    """Indexes the record at `offset` if it holds an image; returns the bytes it takes."""
    size, header, has_image = measure(file, offset)
    if offset + size > end:
        raise DamagedRecordError("the file ends within the record")
    if not has_image:
        return size
    label = header.labels[0]
    if 0 <= label <= _LARGEST and label.is_integer():  # false for NaN
        builder.add(number, offset, size, int(label))
    else:
        reason = f"expected a whole number as label, not {label}, from 0 to 2^24"
        builder.add_damage(Damage(number, offset, reason))
    return size


def _read_keys(keys: Path, records: Path) -> list[tuple[int, int]]:
    """The `(key, offset)` pairs of an `.idx` file, by key.

    Raises:
        UserError: if it is no such file.
    """
    remedy = f"Delete {keys} to read {records.name} without it, or restore it."
    try:
        numbers = [int(word) for word in keys.read_bytes().split()]
    except ValueError:
        raise UserError(f"{keys}: expected lines `key<TAB>offset`. {remedy}") from None
    pairs = sorted(zip(numbers[::2], numbers[1::2], strict=False))
    if len(numbers) % 2 or not pairs:
        raise UserError(f"{keys}: expected lines `key<TAB>offset`. {remedy}")
    wrong = next((p for p in pairs if not 0 <= p[1] < 2**63 or abs(p[0]) >= 2**63), None)
    if wrong:
        raise UserError(
            f"{keys}: the key {wrong[0]} is said to be at byte {wrong[1]}. Expected offsets "
            f"within {records.name}. {remedy}"
        )
    return pairs


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"
