"""Parquet files as Hugging Face's `datasets` writes them: an image column and a label column."""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.sources.image_file import LARGEST, below, read_image_file
from framl_keras.data.sources.left_out import LeftOut
from framl_keras.data.sources.natural_order import natural_key
from framl_keras.data.sources.records import DAMAGED
from framl_keras.data.sources.source import Sample, Source
from framl_keras.errors import UserError
from framl_keras.optional import require
from framl_keras.untrusted.json_text import parse_json

IMAGES = ("image", "img", "bytes", "image_bytes", "path", "file", "image_path", "file_name")
LABELS = ("label", "labels", "identity", "class", "person", "name", "target", "fine_label")
MAGIC = b"PAR1"
_LARGEST_GROUP = 1 << 30  # bytes of images that are read at once
_NO_LABEL = "the row has no label from 0 on"
_KEPT = 4  # row groups in memory
_LIMITS = {"thrift_string_size_limit": 1 << 26, "thrift_container_size_limit": 1 << 22}


class _Shard:
    """One file: its columns, its labels, and its images by row group.

    Args:
        path: the file.
        columns: which columns are `path` (the image) and `label`.
    """

    def __init__(self, path: Path, columns: Mapping[str, str]):
        self.path, self._columns = path, dict(columns)
        self._lock = threading.Lock()
        self._groups: OrderedDict[int, list[Any]] = OrderedDict()
        self._open()
        sizes = [
            self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)
        ]
        self._ends = list(accumulate(sizes))
        self.names = self._read_labels()

    def _open(self) -> None:
        pq = require("pyarrow.parquet", "parquet", f"Reading {self.path.name}")
        try:
            self._file = pq.ParquetFile(self.path, memory_map=True, **_LIMITS)
            self._schema = self._file.schema_arrow
        except Exception as error:  # Arrow's own kinds share no base with their meaning
            raise self._damaged(error) from None
        self._image = self._chosen("path", IMAGES)
        self._label = self._chosen("label", LABELS)

    def image(self, row: int) -> Any:
        """What a row's image column holds."""
        group = bisect_right(self._ends, row)
        first = self._ends[group - 1] if group else 0
        with self._lock:
            if group not in self._groups:
                self._groups[group] = self._read_group(group)
                if len(self._groups) > _KEPT:
                    self._groups.popitem(last=False)
            self._groups.move_to_end(group)
            return self._groups[group][row - first]

    def _read_group(self, group: int) -> list[Any]:
        try:
            size = self._file.metadata.row_group(group).total_byte_size
            if not 0 <= size <= _LARGEST_GROUP:
                raise ValueError(f"row group {group} of {size} bytes; write smaller ones")
            return self._file.read_row_group(group, columns=[self._image]).column(0).to_pylist()
        except Exception as error:
            raise self._damaged(error) from None

    def _read_labels(self) -> list[str | None]:
        """Each row's class by its name; None where it has none."""
        try:
            values = self._file.read(columns=[self._label]).column(0).to_pylist()
        except Exception as error:
            raise self._damaged(error) from None
        if len(values) != (self._ends[-1] if self._ends else 0):
            raise self._damaged(ValueError("its row groups do not add up"))
        known = self._class_names()
        return [_name(value, known) for value in values]

    def _class_names(self) -> Sequence[str]:
        """The names that `datasets` keeps for labels that are numbers."""
        try:
            content = parse_json((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            names = content["info"]["features"][self._label]["names"]
        except (ValueError, KeyError, TypeError):
            return ()
        return names if isinstance(names, list) and all(isinstance(n, str) for n in names) else ()

    def _chosen(self, name: str, known: Sequence[str]) -> str:
        """The column that is meant.

        Raises:
            UserError: if it cannot be told; the columns found are listed.
        """
        there = list(self._schema.names)
        wanted = [self._columns[name]] if name in self._columns else known
        found = next((column for column in wanted if there.count(column) == 1), None)
        if found is None:
            raise UserError(
                f"{self.path}: cannot tell which column is the "
                f"{'image' if name == 'path' else name}. Found: {', '.join(there)[:200]}. Choose "
                f"it by name, such as columns: {{{name}: {there[0] if there else name}}}."
            )
        return found

    def _damaged(self, error: Exception) -> UserError:
        if isinstance(error, UserError):
            return error
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        return UserError(f"{self.path}: {reason}. Restore the file or write it again.")

    def __getstate__(self) -> dict[str, Any]:
        own = ("_lock", "_file", "_schema", "_groups")
        return {key: value for key, value in self.__dict__.items() if key not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _groups=OrderedDict())
        self._open()


class ParquetImages(Source):
    """Reads images and labels of one or more Parquet files, a row group at a time.

    An image is a struct of `bytes` and `path`, as `datasets` has it, bytes, or a path. Labels
    are whole numbers, named by the file if it was written by `datasets`, or text. In random
    order, small row groups are quick; a training reads converted TFRecords faster.

    Args:
        files: the files, in order.
        root: folder that paths start from; the file's own if None.
        on_error: `raise` refuses rows without a label, `skip` leaves them out.
        columns: which columns are `path` (the image) and `label`.

    Raises:
        UserError: if a file is damaged, the columns cannot be told, or a row has no label.
    """

    def __init__(
        self,
        files: Sequence[Path],
        root: Path | None = None,
        on_error: str = "raise",
        columns: Mapping[str, str] | None = None,
    ):
        self._shards = [_Shard(file, columns or {}) for file in files]
        self._root = root
        rows = [
            (shard, row, name)
            for shard, part in enumerate(self._shards)
            for row, name in enumerate(part.names)
        ]
        kept = [(shard, row, name) for shard, row, name in rows if name is not None]
        self.left_out = [
            LeftOut(
                f"{self._shards[s].path}#{row}", DAMAGED, "the row has no label from 0 on", True
            )
            for s, row, name in rows
            if name is None
        ]
        if not kept or (self.left_out and on_error == "raise"):
            reason = str(self.left_out[0]) if self.left_out else f"{files[0]}: it has no rows"
            raise UserError(f"{reason}. Complete the file, or set data.on_error=skip.")
        self.class_names = sorted({name for *_, name in kept}, key=natural_key)
        position = {name: label for label, name in enumerate(self.class_names)}
        self._rows = np.array([(shard, row) for shard, row, _ in kept], dtype=np.int64)
        self.labels = np.array([position[name] for *_, name in kept], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Sample:
        number, row = (int(value) for value in self._rows[index])
        shard = self._shards[number]
        key = f"{shard.path}#{row}"
        value = shard.image(row)
        data, path = value, None
        if isinstance(value, dict):
            data, path = value.get("bytes"), value.get("path")
        if isinstance(data, str):
            data, path = None, data
        if isinstance(data, bytes) and len(data) <= LARGEST:
            return Sample(data, int(self.labels[index]), key)
        if not isinstance(path, str) or not path:
            raise UserError(
                f"{key}: expected an image (bytes, or a path), not {str(value)[:40]!r}."
            )
        place = below(self._root, path, key) if self._root else shard.path.parent / path
        start = "`data.root` (--root)" if self._root else "the Parquet file's folder"
        return Sample(
            read_image_file(place, key, f"start from {start}"), int(self.labels[index]), key
        )


def _name(value: Any, known: Sequence[str]) -> str | None:
    """A label's name, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    if isinstance(value, str):
        return value
    if value < 0:
        return None
    return known[value] if value < len(known) else str(value)
