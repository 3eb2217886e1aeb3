"""TFRecord files as a source, without TensorFlow."""

from pathlib import Path

from tqdm import tqdm

from framl_keras.data.records.damage import Damage, DamagedRecordError
from framl_keras.data.records.example import parse
from framl_keras.data.records.index import IndexBuilder, RecordIndex, cached_index, span_of
from framl_keras.data.records.positioned_file import PositionedFile
from framl_keras.data.records.tfrecord import unframe, walk
from framl_keras.data.sources.labels import check_identity
from framl_keras.data.sources.records import folder_of

KIND = "tfrecord 3"


class TFRecordFile:
    """Random access to the records of one TFRecord file, checksums verified.

    Args:
        path: the file; its index is made on first use and kept.
    """

    def __init__(self, path: Path):
        self.path = path
        self.index = cached_index(path, index_tfrecord, KIND)
        self._file = PositionedFile(path)

    def read(self, position: int) -> bytes:
        """The data of a record.

        Raises:
            DamagedRecordError: if the file has changed or its checksum does not hold.
        """
        offset, size = self.index.offsets[position], self.index.sizes[position]
        return unframe(self._file.read(int(offset), int(size)))


def index_tfrecord(path: Path, stop: int | None = None) -> RecordIndex:
    """Reads a whole file, showing how far it is, and indexes its records.

    Args:
        path: the file.
        stop: where to stop reading, in bytes.
    """
    builder = IndexBuilder()
    size = path.stat().st_size if stop is None else stop
    with tqdm(total=size, unit="B", unit_scale=True, desc=f"Indexing {path.name}", delay=1) as bar:
        for number, (offset, taken, data) in enumerate(walk(path, stop)):
            _add(builder, number, offset, taken, data)
            bar.update(taken)
    return builder.build()


def _add(builder: IndexBuilder, number: int, offset: int, size: int, data: bytes | Damage) -> None:
    if isinstance(data, Damage):
        builder.add_damage(data)
        return
    try:
        record = parse(data)
        check_identity(record.source_id)
    except DamagedRecordError as error:
        builder.add_damage(Damage(number, offset, str(error)))
        return
    span = span_of(data, record.image)
    builder.add(number, offset, size, record.source_id, folder_of(record.name), span)
