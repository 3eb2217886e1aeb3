"""Parquet files as Hugging Face's `datasets` writes them: an image column and a label column."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from framl_keras.data.sources.image_file import LARGEST
from framl_keras.data.sources.served import chosen, classes_of, name_of
from framl_keras.optional import require
from framl_keras.untrusted.json_text import parse_json
from framl_keras.untrusted.reader_process import Reader, Row

OPENER = "framl_keras.data.sources.parquet:ParquetRows"
IMAGES = ("image", "img", "bytes", "image_bytes", "path", "file", "image_path", "file_name")
LABELS = ("label", "labels", "identity", "class", "person", "name", "target", "fine_label")
MAGIC = b"PAR1"
_LARGEST_GROUP = 1 << 30  # bytes of images that are read at once
_KEPT = 4  # row groups in memory, however large
_LIMITS = {"thrift_string_size_limit": 1 << 26, "thrift_container_size_limit": 1 << 22}


class ParquetRows(Reader):
    """The rows of one file, a row group at a time.

    An image is a struct of `bytes` and `path`, as `datasets` has it, bytes, or a path. Labels
    are whole numbers, named by the file if it was written by `datasets`, or text.

    Args:
        path: the file.
        columns: which columns are `path` (the image) and `label`.
        kept: bytes of images to keep in memory; a row group is read at once, and again for each
            row of it that is asked for once it had to go.

    Attributes:
        facts: see `classes_of`.
    """

    def __init__(self, path: str, columns: Mapping[str, str], kept: int = 0):
        pq = require("pyarrow.parquet", "parquet", f"Reading {Path(path).name}")
        require("pyarrow", "parquet", "Reading Parquet").set_cpu_count(1)
        self._file = pq.ParquetFile(path, memory_map=True, **_LIMITS)
        self._schema = self._file.schema_arrow
        names = list(self._schema.names)
        self._image = chosen(path, names, columns, "path", IMAGES)
        self._label = chosen(path, names, columns, "label", LABELS)
        metadata = self._file.metadata
        groups = range(self._file.num_row_groups)
        self._ends = list(accumulate(metadata.row_group(g).num_rows for g in groups))
        self._groups: OrderedDict[int, Any] = OrderedDict()
        self._bytes, self._kept = 0, kept
        values = self._file.read(columns=[self._label], use_threads=False).column(0).to_pylist()
        if len(values) != (self._ends[-1] if self._ends else 0):
            raise ValueError("its row groups do not add up")
        known = self._class_names()
        self.facts = classes_of([name_of(value, known) for value in values])

    def read(self, row: int) -> Row:
        """What a row's image column holds: bytes, or a path."""
        value = self._value(row)
        data, path = value, None
        if isinstance(value, dict):
            data, path = value.get("bytes"), value.get("path")
        if isinstance(data, str):
            data, path = None, data
        if isinstance(data, bytes) and len(data) <= LARGEST:
            return data
        if isinstance(path, str) and path:
            return path
        raise ValueError(f"expected an image (bytes, or a path), not {str(value)[:40]!r}")

    def _value(self, row: int) -> Any:
        group = bisect_right(self._ends, row)
        first = self._ends[group - 1] if group else 0
        if group not in self._groups:
            self._groups[group] = self._read_group(group)
            self._bytes += self._groups[group].nbytes
            while len(self._groups) > _KEPT and self._bytes > self._kept:
                self._bytes -= self._groups.popitem(last=False)[1].nbytes
        self._groups.move_to_end(group)
        return self._groups[group][row - first].as_py()

    def _read_group(self, group: int) -> Any:
        size = self._file.metadata.row_group(group).total_byte_size
        if not 0 <= size <= _LARGEST_GROUP:
            raise ValueError(f"row group {group} of {size} bytes; write smaller ones")
        table = self._file.read_row_group(group, columns=[self._image], use_threads=False)
        return table.column(0)

    def _class_names(self) -> Sequence[str]:
        """The names that `datasets` keeps for labels that are numbers."""
        try:
            content = parse_json((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            names = content["info"]["features"][self._label]["names"]
        except (ValueError, KeyError, TypeError):
            return ()
        return names if isinstance(names, list) and all(isinstance(n, str) for n in names) else ()
