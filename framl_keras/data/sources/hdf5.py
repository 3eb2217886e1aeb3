"""HDF5 files with a data set of images and one of labels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.sources.served import chosen, classes_of_labels
from framl_keras.untrusted.reader_process import LARGEST, Reader, Row

OPENER = "framl_keras.data.sources.hdf5:Hdf5Rows"
MAGIC = b"\x89HDF\r\n\x1a\n"
IMAGES = ("images", "image", "x", "X", "x_train", "X_train", "data", "pixels", "path", "paths")
LABELS = ("labels", "label", "y", "Y", "y_train", "Y_train", "targets", "identity", "identities")
NAMES = ("class_names", "names", "classes", "label_names")
_MOST_PARTS = 10_000
_LARGEST_CHUNK = 1 << 30  # bytes that one image may make the library unpack
_CACHE, _SLOTS = 64 << 20, 100_003
_EXPANSION, _FREE = 20, 1 << 25  # what labels may take more than the file


class Hdf5Rows(Reader):
    """The rows of one file; links to other files are not followed.

    Images are uint8 `(n, height, width[, 1 or 3])`, or `(n,)` of encoded images (variable-length
    uint8) or of paths (text). Labels are `(n,)` whole numbers or text; `class_names` in the
    file, or among the labels' attributes, names the numbers from 0.

    Args:
        path: the file.
        columns: the full names of the data sets that are `path` (the images) and `label`.
        kept: bytes of unpacked chunks to keep in memory.

    Attributes:
        facts: see `classes_of`.
    """

    def __init__(self, path: str, columns: Mapping[str, str], kept: int = _CACHE):
        import h5py  # noqa: PLC0415 - Keras brings it

        self._most = _FREE + _EXPANSION * Path(path).stat().st_size
        file = h5py.File(path, "r", rdcc_nbytes=max(_CACHE, kept), rdcc_nslots=_SLOTS)
        parts = dict(_data_sets(h5py, file))
        self._images = parts[chosen(path, list(parts), columns, "path", IMAGES)]
        labels = parts[chosen(path, list(parts), columns, "label", LABELS)]
        self._is_encoded = h5py.check_vlen_dtype(self._images.dtype) == np.uint8
        self._is_path = h5py.check_string_dtype(self._images.dtype) is not None
        self._check_images()
        self._several: dict[int, bytes] = {}
        values = self._whole(labels)
        values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        if values.shape != self._images.shape[:1] or values.dtype.kind not in "iuSO":
            raise ValueError(
                f"{labels.name}: expected labels ({self._images.shape[0]},), whole numbers or "
                f"text, one for each of {self._images.name}, not {labels.dtype} {labels.shape}"
            )
        known = self._class_names(parts, labels)
        most = int(values.max(initial=-1)) if values.dtype.kind in "iu" else -1
        if known and (len(set(known)) < len(known) or most >= len(known)):
            raise ValueError(
                f"{len(known)} class names for labels up to {most}; expected a name of its own for "
                "each label"
            )
        self.facts = classes_of_labels(values, known)

    def ahead(self, rows: Sequence[int]) -> None:
        """Encoded images are read together: each alone takes three times as long."""
        self._several = {}
        if not self._is_encoded or len(rows) == 1 or max(rows) >= self._images.shape[0]:
            return  # this way of reading does not check its rows
        from h5py import h5s, h5t  # noqa: PLC0415 - Keras brings it

        space = self._images.id.get_space()
        space.select_elements(np.array(rows)[:, None])
        values = np.empty(len(rows), dtype=self._images.dtype)
        kind = h5t.py_create(self._images.dtype)
        self._images.id.read(h5s.create_simple((len(rows),)), space, values, kind)
        self._several = {row: v.tobytes() for row, v in zip(rows, values, strict=True)}

    def read(self, row: int) -> Row:
        """An image: its bytes, its path, or its pixels."""
        if row in self._several:
            return self._several[row]
        value = self._images[row]
        if self._is_path:
            return value.decode("utf-8") if isinstance(value, bytes) else str(value)
        if self._is_encoded:
            return value.tobytes()
        pixels: np.ndarray = value if value.ndim == 3 else value[..., None]
        return pixels

    def _check_images(self) -> None:
        """Refuses what are no images, or would take more to unpack than any image does."""
        images = self._images
        shape, dtype = images.shape, images.dtype
        if len(shape) == 1 and (self._is_encoded or self._is_path):
            return
        if dtype != np.uint8 or len(shape) not in (3, 4) or shape[3:] not in ((), (1,), (3,)):
            raise ValueError(
                f"{images.name}: expected images as uint8 (n, height, width, 3), values 0 to 255, "
                f"encoded images or paths (n,), not {dtype} {shape}"
            )
        chunk = images.chunks or (1, *shape[1:])
        if (
            np.prod(shape[1:], dtype=float) > LARGEST
            or np.prod(chunk, dtype=float) > _LARGEST_CHUNK
        ):
            raise ValueError(f"{images.name}: images of shape {shape[1:]} in chunks of {chunk}")

    def _whole(self, part: Any) -> np.ndarray:
        """All of a small data set."""
        if part.size is None or part.size * max(1, part.dtype.itemsize) > self._most:
            raise ValueError(f"{part.name} of shape {part.shape} is more than the file holds")
        values: np.ndarray = part[()]
        return values

    def _class_names(self, parts: Mapping[str, Any], labels: Any) -> Sequence[str]:
        names = next((labels.attrs[name] for name in NAMES if name in labels.attrs), None)
        if names is None:
            part = next((parts[name] for name in NAMES if name in parts), None)
            names = None if part is None else self._whole(part)
        values = [] if names is None else np.asarray(names).reshape(-1).tolist()
        return [each.decode("utf-8") if isinstance(each, bytes) else str(each) for each in values]


def _data_sets(h5py: Any, file: Any) -> Iterator[tuple[str, Any]]:
    """Every data set of the file itself, by its full name without the first slash."""
    groups, seen = [file], set()
    while groups:
        group = groups.pop(0)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                continue  # another file's
            part = group[name]
            address = h5py.h5o.get_info(part.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_PARTS:
                raise ValueError(f"more than {_MOST_PARTS} groups and data sets")
            if isinstance(part, h5py.Group):
                groups.append(part)
            elif isinstance(part, h5py.Dataset) and not (part.external or part.is_virtual):
                yield part.name.lstrip("/"), part
