"""Finds out which format a training source has, from what is there rather than from its name."""

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framl_keras.data.image_formats import HEAD, image_format
from framl_keras.data.records.record_io import is_record_io
from framl_keras.data.records.tfrecord import is_tfrecord
from framl_keras.data.sources.array_record import ArrayRecordFile
from framl_keras.data.sources.hdf5 import MAGIC as HDF5
from framl_keras.data.sources.hdf5 import OPENER as HDF5_ROWS
from framl_keras.data.sources.image_arrays import IMAGES, ImageArrays
from framl_keras.data.sources.image_folder import ImageFolder
from framl_keras.data.sources.image_list import COLUMNS, ImageList
from framl_keras.data.sources.left_out import report_left_out
from framl_keras.data.sources.lmdb_images import OPENER as LMDB_ROWS
from framl_keras.data.sources.lmdb_images import is_lmdb
from framl_keras.data.sources.merged import Merged, names_of_sources
from framl_keras.data.sources.orl import OrlFaces
from framl_keras.data.sources.parquet import MAGIC as PARQUET
from framl_keras.data.sources.parquet import OPENER as PARQUET_ROWS
from framl_keras.data.sources.record_io import RecordIO
from framl_keras.data.sources.records import Records
from framl_keras.data.sources.samples import as_source
from framl_keras.data.sources.served import Served
from framl_keras.data.sources.shards import all_shards, shards_of
from framl_keras.data.sources.source import Source
from framl_keras.data.sources.synthetic import PREFIX, SyntheticFaces, SyntheticOptions
from framl_keras.data.sources.tar_images import TarImages
from framl_keras.data.sources.tfds import names_beside, one_split
from framl_keras.data.sources.tfrecord import TFRecordFile
from framl_keras.data.sources.walk import entries_of
from framl_keras.data.sources.zip_images import ZipImages
from framl_keras.data.table import text_of
from framl_keras.errors import UserError
from framl_keras.registry import Registry
from framl_keras.untrusted.zip_file import open_zip

OPENERS: Registry[Callable[[str], Source]] = Registry("source")
WITH_COLUMNS = {"list", "Parquet", "HDF5"}
ON_ERROR = ("raise", "skip")
_ZIP = b"PK\x03\x04"
_RIEGELI = bytes.fromhex("83af70d10d884a3f0000000000000000")  # of which ArrayRecord is a kind
_TRIED = (
    "TFRecord, ArrayRecord, MXNet RecordIO (train.rec), a CSV or TSV list `path,label`, a zip or "
    "tar of <identity>/<image>, WebDataset's tars, Parquet, HDF5, LMDB, a .npz of images and "
    "labels, and a "
    "folder <identity>/<image>"
)


@dataclass(frozen=True)
class Request:
    """How data are to be opened.

    Attributes:
        root: folder that paths within the data start from.
        on_error: whether damaged records are refused (`raise`) or left out (`skip`).
        columns: which columns of a table are `path` and `label`.
    """

    root: Path | None = None
    on_error: str = "raise"
    columns: Mapping[str, str] = field(default_factory=dict)


def register_source(name: str, opener: Callable[[str], Any], replace: bool = False) -> None:
    """Lets recipes and commands name data of one's own as `name:anything`.

    Args:
        name: one word.
        opener: called with what stands after the colon; gives a `Source`, or a data set of
            `(image, label)`, see `Samples`.
        replace: takes the place of an opener of that name.

    Example:
    >>> from framl_keras.data.sources import SyntheticFaces, SyntheticOptions
    >>> register_source(
    ...     "tiny", lambda rest: SyntheticFaces(SyntheticOptions(people=int(rest))), replace=True
    ... )
    >>> len(open_source("tiny:3").class_names)
    3
    """
    OPENERS.register(name, opener, replace=replace)


def open_source(
    location: str,
    root: str | None = None,
    on_error: str = "raise",
    columns: Mapping[str, str] | None = None,
) -> Source:
    """Opens training data: `orl`, `synthetic:…`, a registered `name:…`, or a path.

    What lies there but is not among the images is counted and named in a warning.

    The format of a path is detected. It may name a file, the common name of shards
    (`faces.tfrecord` for `faces.tfrecord-00000-of-00004`), a glob, or a folder.

    Args:
        location: where the data are.
        root: folder that paths within the data start from.
        on_error: whether damaged records are refused (`raise`) or left out (`skip`).
        columns: which columns of a table are `path` and `label`, by name or by number from 1.

    Raises:
        UserError: if nothing is there, the format cannot be told, or the data are damaged.
        ValueError: if `on_error` is neither.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f"`on_error` must be one of {ON_ERROR}. Received: on_error={on_error!r}")
    source = _opened(location, Request(Path(root) if root else None, on_error, columns or {}))
    report_left_out(location, source.left_out)
    return source


def holds_a_source(location: str) -> bool:
    """Whether training data seem to lie at a location, sound or not."""
    name, colon, _ = location.partition(":")
    if location == "orl" or location.startswith(PREFIX) or (colon and name in OPENERS):
        return True
    path = Path(location)
    if path.is_dir():
        folders = any(entry.is_dir() for entry in entries_of(path, []))
        return folders or bool(_record_files(path))
    if path.is_file():
        return _is_key_file(path) or _format_or_none(path) is not None
    return bool(shards_of(path) or _matching(location))


def open_sources(
    locations: str | Sequence[str],
    root: str | None = None,
    on_error: str = "raise",
    columns: Mapping[str, str] | None = None,
) -> Source:
    """Opens one source, or several as one; see `Merged`.

    Args:
        locations: where the data are; see `open_source`.
        root: see `open_source`.
        on_error: see `open_source`.
        columns: which columns of tables are meant; of several sources, they concern the tables.

    Raises:
        UserError: see `open_source`.
    """
    named = {key: value for key, value in (columns or {}).items() if key in COLUMNS}
    if isinstance(locations, str):
        return open_source(locations, root, on_error, named)
    opened = [
        open_source(location, root, on_error, columns_for(location, named))
        for location in locations
    ]
    return opened[0] if len(opened) == 1 else Merged(opened, names_of_sources(locations))


def columns_for(location: str, columns: Mapping[str, str]) -> dict[str, str]:
    """The chosen columns that concern the data at a location: none if they are no table."""
    path = Path(location)
    if not path.is_file() or _format_or_none(path) not in WITH_COLUMNS:
        return {}
    return {key: value for key, value in columns.items() if key in COLUMNS}


def _opened(location: str, request: Request) -> Source:
    name, colon, rest = location.partition(":")
    if location == "orl":
        return OrlFaces()
    if location.startswith(PREFIX):
        return SyntheticFaces(SyntheticOptions.parse(location))
    if colon and name in OPENERS:
        return _checked(location, OPENERS[name](rest))
    files = _files_at(location)
    kind = _common_format(files) if files else "folder"
    if request.columns and kind not in WITH_COLUMNS:
        raise UserError(
            f"{location}: {kind} has no columns to choose. Expected `columns` for tables only."
        )
    return _READERS[kind](files, request) if files else ImageFolder(location)


def _checked(location: str, source: Any) -> Source:
    """What a user's own opener gave.

    Raises:
        UserError: if it is no source.
    """
    opened = as_source(source)
    if opened is None:
        raise UserError(
            f"{location}: its opener gave {type(source).__name__}. Expected an instance of a class "
            "that derives from framl_keras.data.sources.Source, or a data set of (image, label)."
        )
    return opened


_UNPACK = "Unpack it first; records need random access"
_SAVE = "Save pixels and labels together with np.savez(path, images=…, labels=…)"
_OTHERS = {
    b"\x1f\x8b": f"packed with gzip. {_UNPACK}",
    b"BZh": f"packed with bzip2. {_UNPACK}",
    b"\xfd7zXZ": f"packed with xz. {_UNPACK}",
    b"\x28\xb5\x2f\xfd": f"packed with Zstandard. {_UNPACK}",
    b"7z\xbc\xaf\x27\x1c": f"packed with 7-Zip. {_UNPACK}",
    b"Rar!": f"packed with RAR. {_UNPACK}",
    b"\x93NUMPY": f"one array without labels. {_SAVE}",
    b"\x80\x02": f"a pickle, which could run code and is not read. {_SAVE}",
    b"\x80\x03": f"a pickle, which could run code and is not read. {_SAVE}",
    b"\x80\x04": f"a pickle, which could run code and is not read. {_SAVE}",
}


def _files_at(location: str) -> list[Path]:
    """The files that hold the data, or none for a folder of images."""
    path = Path(location)
    try:
        if path.is_dir():
            return _record_files(path)
        if path.is_file():
            return [path.with_suffix(".rec") if _is_key_file(path) else path]
        files = shards_of(path) or _matching(location)
    except (OSError, ValueError) as error:  # such as a name too long or with a zero byte
        if isinstance(error, UserError):
            raise
        raise UserError(f"{location}: not a path: {error}.") from None
    if not files:
        raise UserError(
            f"No training data at {location}. Make it of a folder of images with `framl-keras "
            f"data convert FOLDER {location}`, name other data with --set data.train=PATH, "
            "or try the quick start: framl-keras train recipes/quickstart.yaml"
        )
    return all_shards(files)


def _matching(pattern: str) -> list[Path]:
    """The files that a glob finds, without the indexes and manifests beside them."""
    files = sorted(map(Path, glob.glob(pattern)))
    return [file for file in files if file.suffix not in (".index", ".json", ".idx")]


def _is_key_file(path: Path) -> bool:
    return path.suffix == ".idx" and path.with_suffix(".rec").is_file()


def _record_files(folder: Path) -> list[Path]:
    """The files of records right inside a folder."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    framed = [file for file in files if _framing(_beginning(file))]
    one_split(folder, framed)
    return all_shards(framed or _claimed(folder, files))


def _claimed(folder: Path, files: list[Path]) -> list[Path]:
    """Files that are called like records, if no folder of images lies beside them.

    They hold none, which their reader says better than a complaint about missing images.

    Raises:
        UserError: if only the keys of records are there.
    """
    if any(entry.is_dir() for entry in entries_of(folder, [])):
        return []
    keys = next((file for file in files if file.suffix == ".idx"), None)
    claimed = [file for file in files if _by_name(file) and file.suffix != ".idx"]
    if keys and not claimed:
        raise UserError(
            f"{keys}: lists records of {keys.with_suffix('.rec')}, which is missing. Restore it."
        )
    return [file for file in claimed if file.suffix not in (".index", ".json")][:1]


def _common_format(files: list[Path]) -> str:
    """The one format of all files.

    Raises:
        UserError: if it cannot be told or they differ.
    """
    formats = {file: _format_of(file) for file in files}
    first = next(iter(formats.values()))
    for file, format in formats.items():
        if format != first:
            raise UserError(
                f"{file} is {format}, but {files[0]} is {first}. Expected one format; name the "
                "files of one with a glob such as 'faces*.tfrecord'."
            )
    return first


def _format_of(file: Path) -> str:
    start = _beginning(file)
    if not start:
        raise UserError(f"{file}: the file is empty. Expected {_TRIED}. Restore the file.")
    other = next((what for sign, what in _OTHERS.items() if start.startswith(sign)), None)
    if other or image_format(start[:HEAD]):
        what = other or "one image. Name the folder that holds the identities' folders"
        raise UserError(f"{file}: {what}.")
    format = _format_or_none(file)
    if format is None:
        raise UserError(f"{file}: cannot tell its format. Tried {_TRIED}.")
    return format


def _format_or_none(file: Path) -> str | None:
    start = _beginning(file)
    framing = _framing(start) or _by_name(file)
    if framing is None and start.startswith(_ZIP):
        return "npz" if is_npz(file) else "zip"
    return framing or ("list" if _is_text(start) else None)


def holds_images(file: Path) -> bool:
    """Whether a zip archive holds images, as files or as an array, rather than embeddings."""
    names = _names_in(file)
    return not is_npz(file) or any(name.removesuffix(".npy") in IMAGES for name in names or ())


def is_npz(file: Path) -> bool:
    """Whether a zip archive holds NumPy's arrays."""
    start = _beginning(file)
    first = start[30 : 30 + int.from_bytes(start[26:28], "little")]
    if file.suffix != ".npz" and not first.endswith(b".npy"):
        return False  # without the directory, which may name a million images
    names = _names_in(file)
    if names is None:
        return file.suffix == ".npz"
    return bool(names) and all(name.endswith(".npy") for name in names)


def _names_in(file: Path) -> list[str] | None:
    """The members of a zip archive; None where it is damaged."""
    try:
        with open_zip(file) as archive:
            return archive.namelist()
    except (ValueError, OSError):
        return None


_KINDS: dict[str, Callable[[bytes], bool]] = {
    "RecordIO": is_record_io,
    "ArrayRecord": lambda start: start.startswith(_RIEGELI),
    "Parquet": lambda start: start.startswith(PARQUET),
    "HDF5": lambda start: start.startswith(HDF5),
    "LMDB": is_lmdb,
    "tar": lambda start: start[257:262] == b"ustar",
    "TFRecord": is_tfrecord,
}


def _framing(start: bytes) -> str | None:
    """The kind of a file by its first bytes."""
    return next((kind for kind, holds in _KINDS.items() if holds(start)), None)


def _by_name(file: Path) -> str | None:
    """What a file of no known beginning claims to be; its reader says what is wrong."""
    hints = {
        kind.lower(): kind for kind in ("tar", "Parquet", "TFRecord", "ArrayRecord", "HDF5", "LMDB")
    }
    hints |= {"rec": "RecordIO", "h5": "HDF5", "mdb": "LMDB"}
    claims = [
        hints[part] for part in file.name.lower().replace("-", ".").split(".") if part in hints
    ]
    return claims[-1] if claims else None


def _is_text(start: bytes) -> bool:
    text = text_of(start)
    if text is None:
        return False
    lines = (line.strip() for line in text.splitlines())
    head = next((line for line in lines if line and not line.startswith("#")), "")
    return any(sign in head for sign in ",;\t")


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(4096)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}.") from None


def _tfrecords(files: list[Path], request: Request) -> Source:
    opened = [TFRecordFile(file) for file in files]
    return Records(opened, request.root, request.on_error, names_beside(files[0]))


def _array_records(files: list[Path], request: Request) -> Source:
    opened = [ArrayRecordFile(file) for file in files]
    return Records(opened, request.root, request.on_error, names_beside(files[0]))


def _record_io(files: list[Path], request: Request) -> Source:
    return RecordIO(_only(files), request.on_error)


def _image_list(files: list[Path], request: Request) -> Source:
    return ImageList(_only(files), request.root, request.columns)


def _zip(files: list[Path], request: Request) -> Source:
    return ZipImages(_only(files))


def _tar(files: list[Path], request: Request) -> Source:
    return TarImages(files, request.on_error)


def _npz(files: list[Path], request: Request) -> Source:
    return ImageArrays(_only(files))


def _served(opener: str) -> Callable[[list[Path], Request], Source]:
    """A reader of files by a process of its own."""

    def read(files: list[Path], request: Request) -> Source:
        return Served(files, opener, request.root, request.on_error, request.columns)

    return read


def _only(files: list[Path]) -> Path:
    if len(files) > 1:
        raise UserError(
            f"Expected one file, found {len(files)}: {files[0]}, {files[1]}, … Name one."
        )
    return files[0]


_READERS: dict[str, Callable[[list[Path], Request], Source]] = {
    "TFRecord": _tfrecords,
    "ArrayRecord": _array_records,
    "RecordIO": _record_io,
    "list": _image_list,
    "zip": _zip,
    "tar": _tar,
    "npz": _npz,
    "Parquet": _served(PARQUET_ROWS),
    "HDF5": _served(HDF5_ROWS),
    "LMDB": _served(LMDB_ROWS),
}
