"""LMDB databases of images, as face and text recognition libraries write them."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.image_formats import HEAD, image_format
from framl_keras.data.sources.served import classes_of, name_of
from framl_keras.optional import require
from framl_keras.untrusted.plain_pickle import load_plain
from framl_keras.untrusted.reader_process import Reader, Row

OPENER = "framl_keras.data.sources.lmdb_images:LmdbRows"
_MAGIC, _AT = b"\xde\xc0\xef\xbe", 16  # after the header of the first page
_NUMBERED = b"num-samples"
_LENGTH, _KEYS = b"__len__", b"__keys__"


class LmdbRows(Reader):
    """The rows of one database. No pickle in it is run: its plain data are read.

    Three layouts are known, by their keys:

    - `num-samples`, `image-000000001` and `label-000000001` on: an encoded image, and a number or
      a name;
    - `__len__`, and `__keys__` or the keys `0` on: pickled pairs `(encoded image, label)`;
    - paths `<identity>/<file>` with encoded images.

    Args:
        path: the database's `data.mdb`.
        columns: none.
        kept: bytes to keep in memory; none, since the system does.

    Attributes:
        facts: see `classes_of`.
    """

    def __init__(self, path: str, columns: Mapping[str, str], kept: int = 0):
        lmdb = require("lmdb", "lmdb", f"Reading {Path(path).name}")
        environment = lmdb.open(
            path, subdir=False, readonly=True, lock=False, readahead=False, create=False,
            map_size=Path(path).stat().st_size,
        )  # fmt: skip
        self._transaction = environment.begin(buffers=False)
        self._entries = int(environment.stat()["entries"])
        self._keys: Sequence[bytes] | None = None
        self._is_pickled = False
        if self._get(_NUMBERED) is not None:
            names = self._numbered()
        elif self._get(_LENGTH) is not None:
            names = self._pickled()
        else:
            names = self._by_path()
        self.facts = classes_of(names)

    def read(self, row: int) -> Row:
        """An encoded image."""
        key = _numbered_key(row) if self._keys is None else self._keys[row]
        value = self._get(key)
        if value is None:
            raise ValueError(f"no value for the key {key!r:.60}")
        return _pair(value)[0] if self._is_pickled else value

    def _get(self, key: bytes) -> bytes | None:
        value: bytes | None = self._transaction.get(key)
        return value

    def _counted(self, value: Any) -> int:
        """How many rows there are, as the database says it."""
        number = int(value) if isinstance(value, int | bytes) else -1
        if not 0 <= number <= self._entries:
            raise ValueError(f"expected how many rows there are, not {value!r:.60}")
        return number

    def _numbered(self) -> list[str | None]:
        count = self._counted(self._get(_NUMBERED))
        names: dict[bytes, str | None] = {}  # a million labels are of some thousand kinds
        labels = [self._get(b"label-%09d" % number) or b"" for number in range(1, count + 1)]
        return [names[k] if k in names else names.setdefault(k, name_of(k)) for k in labels]

    def _pickled(self) -> list[str | None]:
        count = self._counted(load_plain(self._get(_LENGTH) or b""))
        stored = self._get(_KEYS)
        keys = load_plain(stored) if stored is not None else range(count)
        if not isinstance(keys, list | tuple | range) or len(keys) != count:
            raise ValueError(f"__keys__ do not name {count} rows")
        self._keys = [key if isinstance(key, bytes) else str(key).encode() for key in keys]
        self._is_pickled = True
        return list(map(self._name_in_pickle, self._keys))

    def _name_in_pickle(self, key: bytes) -> str | None:
        try:
            return name_of(_pair(self._get(key) or b"")[1])
        except ValueError:
            return None

    def _by_path(self) -> list[str | None]:
        names: list[str | None] = []
        self._keys = paths = list[bytes]()
        heads: dict[bytes, bool] = {}  # most images of a kind begin alike
        for key, value in self._transaction.cursor():
            folder, slash, _ = key.replace(b"\\", b"/").rpartition(b"/")
            head = value[:HEAD]
            if head not in heads:
                heads[head] = image_format(head) is not None
            if heads[head] or slash:
                paths.append(key)
                name = folder.rpartition(b"/")[2] if slash and heads[head] else None
                names.append(None if name is None else name.decode("utf-8", "surrogateescape"))
        if not any(names):
            keys = islice(self._transaction.cursor().iternext(values=False), 5)
            shown = ", ".join(f"{key!r:.40}" for key in keys) or "none"
            raise ValueError(
                "none of its layouts: expected the keys `num-samples`, `image-000000001` and "
                "`label-000000001` on; `__len__` and pickled (image, label); or paths "
                f"<identity>/<file> with images. Found: {shown}"
            )
        return names


def is_lmdb(start: bytes) -> bool:
    """Whether a file begins as `data.mdb` does."""
    return start[_AT : _AT + len(_MAGIC)] == _MAGIC


def _numbered_key(row: int) -> bytes:
    return b"image-%09d" % (row + 1)


def _pair(value: bytes) -> tuple[bytes, Any]:
    """The encoded image and the label in a pickled row."""
    pair = load_plain(value)
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError("expected a pickled (image, label)")
    image, label = pair
    if isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 1:
        image = image.tobytes()
    if not isinstance(image, bytes):
        raise ValueError(f"expected an encoded image, not {type(image).__name__}")
    if isinstance(label, np.ndarray) and label.size == 1:
        label = label.reshape(-1)[0].item()
    return image, label
