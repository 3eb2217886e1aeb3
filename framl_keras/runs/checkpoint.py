"""A folder that holds all that a run needs to go on, on any backend and any number of devices.

`index.json` says the run's facts, and of each array its shape and where its rows are: in one
safetensors file or, of what no process holds whole, in one of each process. Rows are asked for by
range, so the devices that read need not be those that wrote.
"""

import hashlib
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from framl_keras.errors import UserError
from framl_keras.runs.disk import disk_errors_explained
from framl_keras.untrusted.json_text import parse_json
from framl_keras.untrusted.safetensors import DTYPES, Tensor, tensors_in

SUFFIX = ".ckpt"
INDEX = "index.json"
_LARGEST_INDEX = 16 * 2**20
_AT_ONCE = 2**25  # bytes that are copied out of a device at a time
_FILE = "{:05d}-of-{:05d}.safetensors"
_FILE_PATTERN = re.compile(r"\d{5}-of-\d{5}\.safetensors")
_KINDS = {np.dtype(dtype): kind for kind, dtype in DTYPES.items()}


class Checkpoint(NamedTuple):
    """The state of a run.

    Attributes:
        facts: the step, the recipe, the data's fingerprint: anything that JSON holds.
        arrays: weights, optimizer and metric states by name.
    """

    facts: dict[str, Any]
    arrays: Mapping[str, np.ndarray]


class Part(NamedTuple):
    """Consecutive rows of an array, which this process has.

    Attributes:
        name: of the array.
        shape: of all of it; of a scalar ().
        dtype: of its numbers.
        first: the first of the rows.
        last: one beyond the last of them.
        read: gives rows `(to - from, ...)` by their numbers from and to; of a scalar, it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    first: int
    last: int
    read: Callable[[int, int], np.ndarray]


class Peers(Protocol):
    """The processes that write or read a checkpoint together."""

    process: int
    processes: int

    def any(self, flag: bool) -> bool:
        """Whether a flag is true in one of them at least; waits for all."""


class _Alone:
    process, processes = 0, 1

    def any(self, flag: bool) -> bool:
        return flag


ALONE: Peers = _Alone()


def whole(name: str, array: Any) -> Part:
    """An array that a process has whole, as the one part of it."""
    array = np.asarray(array, order="C")
    rows = array.shape[0] if array.ndim else 1
    read = (lambda first, last: array[first:last]) if array.ndim else (lambda first, last: array)
    return Part(name, array.shape, array.dtype, 0, rows, read)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes arrays that this process has whole; see `save_parts`."""
    parts = [whole(name, array) for name, array in checkpoint.arrays.items()]
    save_parts(path, checkpoint.facts, parts)


def save_parts(
    path: Path, facts: Mapping[str, Any], parts: Iterable[Part], peers: Peers = ALONE
) -> None:
    """Writes a checkpoint beside its place, flushes it to disk and renames it.

    Each process writes its own parts, some rows at a time; the first one commits them all.

    Raises:
        UserError: if the disk is full or the folder cannot be written, in each process. What was
            at `path`, and every other checkpoint, is untouched.
    """
    beside = _beside(path)
    leads = peers.process == 0

    def begin() -> None:
        if leads:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)

    def commit() -> None:
        if leads:
            _write_index(beside, facts, peers.processes)
            _put(beside, path)

    steps = [begin, lambda: _write_file(beside, list(parts), peers), commit]
    try:
        for step in steps:
            _together(step, path, peers)
    finally:
        if leads:
            shutil.rmtree(beside, ignore_errors=True)


def _together(step: Callable[[], None], path: Path, peers: Peers) -> None:
    """Takes a step in all processes; what one of them cannot do ends it in all."""
    error: Exception | None = None
    try:
        with disk_errors_explained(path):
            try:
                step()
            except OSError as raised:
                raised.filename = str(path)
                raise
    except Exception as raised:
        error = raised
    if peers.any(error is not None):
        raise error or UserError(f"{path}: another process could not write its part of it.")


def _write_file(folder: Path, parts: list[Part], peers: Peers) -> None:
    """Writes this process' parts, and beside them what the index has to say of these."""
    path = folder / _FILE.format(peers.process, peers.processes)
    keys = [f"{part.name}@{part.first}" if _is_cut(part) else part.name for part in parts]
    header: dict[str, Any] = {}
    end = 0
    for key, part in zip(keys, parts, strict=True):
        shape = (part.last - part.first, *part.shape[1:]) if part.shape else ()
        start, end = end, end + math.prod(shape) * part.dtype.itemsize
        kind = _KINDS[part.dtype.newbyteorder("<")]
        header[key] = {"dtype": kind, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        begin: list[Any] = [len(text).to_bytes(8, "little"), text]
        for content in itertools.chain(begin, _chunks(parts)):
            digest.update(content)
            _write(stream, content)
        stream.flush()
        os.fsync(stream.fileno())
    known = [
        {"name": part.name, "shape": part.shape, "key": key, "rows": [part.first, part.last]}
        for key, part in zip(keys, parts, strict=True)
    ]
    note = {"file": path.name, "sha256": digest.hexdigest(), "parts": known}
    path.with_suffix(".json").write_text(json.dumps(note), encoding="utf-8")


def _write(stream: Any, content: Any) -> None:
    stream.write(content)


def _chunks(parts: Iterable[Part]) -> Iterator[Any]:
    """The bytes of all parts, some rows at a time."""
    for part in parts:
        row = math.prod(part.shape[1:]) * part.dtype.itemsize
        step = max(1, _AT_ONCE // max(1, row))
        for first in range(part.first, part.last, step):
            rows = part.read(first, min(part.last, first + step))
            content = np.asarray(rows, part.dtype.newbyteorder("<"), order="C")
            yield content.reshape(-1).view(np.uint8).data


def _is_cut(part: Part) -> bool:
    """Whether it is not all of its array."""
    return bool(part.shape) and (part.first, part.last) != (0, part.shape[0])


def _write_index(folder: Path, facts: Mapping[str, Any], processes: int) -> None:
    """Gathers what all processes wrote."""
    files: dict[str, str] = {}
    arrays: dict[str, Any] = {}
    for number in range(processes):
        path = (folder / _FILE.format(number, processes)).with_suffix(".json")
        note = json.loads(path.read_text(encoding="utf-8"))
        files[note["file"]] = note["sha256"]
        for part in note["parts"]:
            entry = arrays.setdefault(part["name"], {"shape": part["shape"], "parts": []})
            entry["parts"].append([note["file"], part["key"], *part["rows"]])
        path.unlink()
    index: dict[str, Any] = {"facts": dict(facts), "files": files, "arrays": arrays}
    index["sha256"] = _digest(index)
    with (folder / INDEX).open("w", encoding="utf-8") as stream:
        json.dump(index, stream)
        stream.flush()
        os.fsync(stream.fileno())
    _flush_folder(folder)


def _put(beside: Path, path: Path) -> None:
    """Renames a whole checkpoint to its place, where one may be that it replaces."""
    before = _before(path)
    if os.path.lexists(path):
        _remove(before)
        path.rename(before)
    beside.rename(path)
    _flush_folder(path.parent)
    _remove(before)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _before(path: Path) -> Path:
    return path.with_name(f".{path.name}.before")


def clear_half_written(folder: Path) -> None:
    """Deletes what a killed run was writing; puts back what it had only begun to replace."""
    for path in folder.glob(f".*{SUFFIX}.partial"):
        _remove(path)
    for path in folder.glob(f".*{SUFFIX}.before"):
        place = path.with_name(path.name.removeprefix(".").removesuffix(".before"))
        if os.path.lexists(place):
            _remove(path)
        else:
            path.rename(place)


def remove_checkpoint(path: Path) -> None:
    """Deletes one; half deleted it is no checkpoint any more."""
    gone = _beside(path)
    _remove(gone)
    path.rename(gone)
    _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush_folder(path: Path) -> None:
    """Makes sure that a rename cannot come before the content, even if power fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StoredArrays(Mapping[str, np.ndarray]):
    """The arrays of a checkpoint; their numbers are read when they are asked for.

    Args:
        arrays: of each name the shape, and the parts in order: tensor, first row, last row.
    """

    def __init__(self, arrays: Mapping[str, tuple[tuple[int, ...], list[tuple[Tensor, int, int]]]]):
        self._arrays = arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, name: str) -> np.ndarray:
        """All of an array."""
        shape, parts = self._arrays[name]
        return self.rows(name, 0, shape[0]) if shape else parts[0][0].read()

    def shape_of(self, name: str) -> tuple[int, ...]:
        """An array's shape."""
        return self._arrays[name][0]

    def rows(self, name: str, first: int, last: int) -> np.ndarray:
        """Some rows of an array, `(last - first, ...)`."""
        shape, parts = self._arrays[name]
        values = np.empty((last - first, *shape[1:]), parts[0][0].dtype)
        for tensor, begin, end in parts:
            low, high = max(first, begin), min(last, end)
            if low < high:
                values[low - first : high - first] = tensor.rows(low - begin, high - begin)
        return values


def load_checkpoint(path: Path, peers: Peers = ALONE) -> Checkpoint:
    """Opens a checkpoint and checks all that it says.

    Lengths and shapes are held against the files' own sizes before anything is allocated.

    Args:
        path: its folder.
        peers: who share the work of checking; all open it.

    Raises:
        UserError: if it is damaged, or of another kind, in each process.
    """
    error: UserError | None = None
    checkpoint = Checkpoint({}, {})
    try:
        checkpoint = _load(path, peers)
    except UserError as raised:
        error = raised
    if peers.any(error is not None):
        raise error or UserError(f"{path}: damaged checkpoint: another process says why.")
    return checkpoint


def _load(path: Path, peers: Peers) -> Checkpoint:
    try:
        index = _index(path)
        facts, arrays = _facts(index["facts"]), _arrays(path, index)
        names = sorted(index["files"])
        for name in names[peers.process :: peers.processes]:
            with (path / name).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != index["files"][name]:
                    raise ValueError(f"{name} does not fit its checksum")
    except NotADirectoryError:
        raise UserError(
            f"{path}: damaged checkpoint: expected a folder that training wrote, found a file."
        ) from None
    except OSError as error:
        raise UserError(
            f"{error.filename or path}: damaged checkpoint, cannot be read: "
            f"{error.strerror or error}."
        ) from None
    except ValueError as error:
        raise UserError(
            f"{path}: damaged checkpoint: {error}. Expected a whole folder that training wrote."
        ) from None
    return Checkpoint(facts, StoredArrays(arrays))


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a checkpoint of ours: a folder with its index."""
    return Path(path).name.endswith(SUFFIX) and (Path(path) / INDEX).is_file()


def _index(path: Path) -> dict[str, Any]:
    """What the index says.

    Raises:
        ValueError: if that is not what training writes.
    """
    file = path / INDEX
    if file.stat().st_size > _LARGEST_INDEX:
        raise ValueError(f"{INDEX} takes more than {_LARGEST_INDEX >> 20} MiB")
    index = parse_json(file.read_bytes())
    if not isinstance(index, dict) or index.keys() != {"facts", "files", "arrays", "sha256"}:
        raise ValueError(f"{INDEX} is no checkpoint's")
    if index.pop("sha256") != _digest(index):
        raise ValueError(f"{INDEX} does not fit its checksum")
    if not all(isinstance(part, dict) for part in index.values()):
        raise ValueError(f"{INDEX} is no checkpoint's")
    if not all(_FILE_PATTERN.fullmatch(name) for name in index["files"]):
        raise ValueError(f"{INDEX} names other files")
    return index


def _facts(facts: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint says about its run.

    Raises:
        ValueError: if that is not what training writes.
    """
    kinds = {"step": int, "recipe": dict, "data": str, "score": float | int}
    for name, kind in kinds.items():
        if name in facts and not isinstance(facts[name], kind):
            raise ValueError(f"`{name}` is {facts[name]!r:.40}")
    return facts


def _arrays(path: Path, index: dict[str, Any]) -> dict[str, Any]:
    """Where each array's rows are.

    Raises:
        ValueError: if some are missing, there twice, or of another shape.
    """
    tensors = {name: tensors_in(path / name) for name in index["files"]}
    return {name: _array(name, entry, tensors) for name, entry in index["arrays"].items()}


def _array(name: str, entry: Any, tensors: Mapping[str, Mapping[str, Tensor]]) -> Any:
    try:
        shape = tuple(map(_whole_number, entry["shape"]))
        parts = sorted(
            (_whole_number(first), _whole_number(last), tensors[file][key])
            for file, key, first, last in entry["parts"]
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(f"{name[:80]} is in none of its files") from None
    row = 0
    for first, last, tensor in parts:
        expected = (last - first, *shape[1:]) if shape else ()
        if first != row or tensor.shape != expected or tensor.dtype != parts[0][2].dtype:
            raise ValueError(f"{name[:80]} is of another shape than {INDEX} says")
        row = last
    if not parts or row != (shape[0] if shape else 1):
        raise ValueError(f"{name[:80]} lacks rows")
    return shape, [(tensor, first, last) for first, last, tensor in parts]


def _whole_number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError(f"{value!r:.40} is no number of rows")
    return value


def _digest(index: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
