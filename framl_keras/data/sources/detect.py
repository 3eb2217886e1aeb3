"""Finds out which format a training source has, from what is there rather than from its name."""

import glob
from collections.abc import Callable
from pathlib import Path

from framl_keras.data.records.record_io import is_record_io
from framl_keras.data.records.tfrecord import is_tfrecord
from framl_keras.data.sources.array_record import ArrayRecordFile
from framl_keras.data.sources.image_folder import ImageFolder
from framl_keras.data.sources.image_list import ImageList
from framl_keras.data.sources.left_out import report_left_out
from framl_keras.data.sources.orl import OrlFaces
from framl_keras.data.sources.record_io import RecordIO
from framl_keras.data.sources.records import Records
from framl_keras.data.sources.shards import all_shards, shards_of
from framl_keras.data.sources.source import Source
from framl_keras.data.sources.synthetic import PREFIX, SyntheticFaces, SyntheticOptions
from framl_keras.data.sources.tfrecord import TFRecordFile
from framl_keras.errors import UserError

ON_ERROR = ("raise", "skip")
_RIEGELI = bytes.fromhex("83af70d10d884a3f0000000000000000")  # of which ArrayRecord is a kind
_TRIED = (
    "TFRecord, ArrayRecord, MXNet RecordIO (train.rec), a CSV or TSV list `path,label`, and a "
    "folder <identity>/<image>"
)


def open_source(location: str, root: str | None = None, on_error: str = "raise") -> Source:
    """Opens training data: `orl`, `synthetic:…`, or a path whose format is detected.

    A path may name a file, the common name of shards (`faces.tfrecord` for
    `faces.tfrecord-00000-of-00004`), a glob, or a folder.

    Args:
        location: where the data are.
        root: folder that paths within the data start from.
        on_error: whether damaged records are refused (`raise`) or left out (`skip`).

    Raises:
        UserError: if nothing is there, the format cannot be told, or the data are damaged.
        ValueError: if `on_error` is neither.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f"`on_error` must be one of {ON_ERROR}. Received: on_error={on_error!r}")
    source = _opened(location, Path(root) if root else None, on_error)
    report_left_out(location, source.left_out)
    return source


def _opened(location: str, root: Path | None, on_error: str) -> Source:
    if location == "orl":
        return OrlFaces()
    if location.startswith(PREFIX):
        return SyntheticFaces(SyntheticOptions.parse(location))
    files = _files_at(location)
    if not files:
        return ImageFolder(location)
    return _READERS[_common_format(files)](files, root, on_error)


def _files_at(location: str) -> list[Path]:
    """The files that hold the data, or none for a folder of images."""
    path = Path(location)
    try:
        if path.is_dir():
            return _record_files(path)
        if path.is_file():
            return [path.with_suffix(".rec") if _is_key_file(path) else path]
        found = shards_of(path) or _matching(location)
    except (OSError, ValueError) as error:  # such as a name too long or with a zero byte
        if isinstance(error, UserError):
            raise
        raise UserError(f"{location}: not a path: {error}.") from None
    if not found:
        raise UserError(
            f"No training data at {location}. Make it of a folder of images with `framl-keras "
            f"data convert FOLDER {location}`, name other data with --set data.train=PATH, "
            "or try the quick start: framl-keras train recipes/quickstart.yaml"
        )
    return all_shards(found)


def _matching(pattern: str) -> list[Path]:
    """The files that a glob finds, without the indexes and manifests beside them."""
    found = sorted(map(Path, glob.glob(pattern)))
    return [file for file in found if file.suffix not in (".index", ".json", ".idx")]


def _is_key_file(path: Path) -> bool:
    return path.suffix == ".idx" and path.with_suffix(".rec").is_file()


def _record_files(folder: Path) -> list[Path]:
    """The files of records right inside a folder."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name[0] != ".")
    return all_shards([file for file in files if _framing(_beginning(file))])


def _common_format(files: list[Path]) -> str:
    """The one format of all files.

    Raises:
        UserError: if it cannot be told or they differ.
    """
    formats = {file: _format_of(file) for file in files}
    first = next(iter(formats.values()))
    for file, found in formats.items():
        if found != first:
            raise UserError(
                f"{file} is {found}, but {files[0]} is {first}. Expected one format; name the "
                "files of one with a glob such as 'faces*.tfrecord'."
            )
    return first


def _format_of(file: Path) -> str:
    start = _beginning(file)
    if not start:
        raise UserError(f"{file}: the file is empty. Expected {_TRIED}.")
    if start.startswith(b"\x1f\x8b"):
        raise UserError(f"{file}: packed with gzip. Unpack it first; records need random access.")
    found = _framing(start) or _by_name(file) or ("list" if _is_text(start) else None)
    if found is None:
        raise UserError(f"{file}: cannot tell its format. Tried {_TRIED}.")
    return found


def _framing(start: bytes) -> str | None:
    if is_record_io(start):
        return "RecordIO"
    if start.startswith(_RIEGELI):
        return "ArrayRecord"
    return "TFRecord" if is_tfrecord(start) else None


def _by_name(file: Path) -> str | None:
    """What a file of no known beginning claims to be; its reader says what is wrong."""
    hints = {"tfrecord": "TFRecord", "arrayrecord": "ArrayRecord", "rec": "RecordIO"}
    claims = [
        hints[part] for part in file.name.lower().replace("-", ".").split(".") if part in hints
    ]
    return claims[-1] if claims else None


def _is_text(start: bytes) -> bool:
    head, _, _ = start.partition(b"\n")
    return b"\0" not in start and (b"," in head or b"\t" in head)


def _beginning(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(4096)
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}.") from None


def _tfrecords(files: list[Path], root: Path | None, on_error: str) -> Source:
    return Records([TFRecordFile(file) for file in files], root, on_error)


def _array_records(files: list[Path], root: Path | None, on_error: str) -> Source:
    return Records([ArrayRecordFile(file) for file in files], root, on_error)


def _record_io(files: list[Path], root: Path | None, on_error: str) -> Source:
    return RecordIO(_only(files), on_error)


def _image_list(files: list[Path], root: Path | None, on_error: str) -> Source:
    return ImageList(_only(files), root)


def _only(files: list[Path]) -> Path:
    if len(files) > 1:
        raise UserError(
            f"Expected one file, found {len(files)}: {files[0]}, {files[1]}, … Name one."
        )
    return files[0]


_READERS: dict[str, Callable[[list[Path], Path | None, str], Source]] = {
    "TFRecord": _tfrecords,
    "ArrayRecord": _array_records,
    "RecordIO": _record_io,
    "list": _image_list,
}
