"""One file that holds all that a run needs to go on, on any backend."""

import hashlib
import json
import math
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.runs.disk import disk_errors_explained

SUFFIX = ".ckpt"
FACTS = "facts.json"
_LARGEST_FACTS = 16 * 2**20
# The headers that we write ourselves; NumPy's own reader would evaluate any Python literal.
_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?[biufV]\d{1,2})', 'fortran_order': False, "
    rb"'shape': \(((?:\d{1,19}(?:, \d{1,19})*,?)?)\), \} *\n"
)
_MAGIC = b"\x93NUMPY"


class Checkpoint(NamedTuple):
    """The state of a run.

    Attributes:
        facts: the step, the recipe, the data's fingerprint: anything that JSON holds.
        arrays: weights, optimizer and metric states by name.
    """

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint beside its place, flushes it to disk and renames it.

    Raises:
        UserError: if the disk is full or the folder cannot be written. What was at
            `path`, and every other checkpoint, is untouched.
    """
    facts = {**checkpoint.facts, "sha256": _digest(checkpoint.arrays)}
    facts["facts_sha256"] = _digest_of_facts(facts)
    with disk_errors_explained(path), write_beside(path) as beside:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(FACTS, json.dumps(facts))
            for name, array in checkpoint.arrays.items():
                _write_array(archive, name, array)
        _flush_to_disk(beside)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint and checks all that it says.

    Lengths and shapes are held against the file's own size before anything is allocated.

    Raises:
        UserError: if the file is damaged, or of another kind.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path.stat().st_size)
            facts = _facts(archive, members)
            arrays = {name: _read_array(archive, m) for name, m in members.items() if name != FACTS}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}.") from None
    except Exception as error:  # zipfile and json have a dozen, none of which says more
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"{path}: damaged checkpoint: {reason}. Expected a whole file that training wrote."
        ) from None
    if facts.pop("sha256", None) != _digest(arrays):
        raise UserError(f"{path}: damaged checkpoint: its checksum does not fit its content.")
    return Checkpoint(facts, arrays)


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a checkpoint of ours: an archive whose first member is its facts."""
    name = FACTS.encode()
    try:
        with open(path, "rb") as stream:
            start = stream.read(30 + len(name))
    except OSError:
        return False
    return start[:4] == b"PK\x03\x04" and start[30:] == name


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The members by name, none of which can be larger than the file.

    Raises:
        ValueError: if they do not fit into it.
    """
    infos = archive.infolist()
    members = {info.filename: info for info in infos}
    if len(members) != len(infos):
        raise ValueError("two arrays have the same name")
    if any(info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 for info in infos):
        raise ValueError("it is packed, which no checkpoint is")
    if any(info.file_size != info.compress_size for info in infos):
        raise ValueError("its index is inconsistent")
    if sum(info.file_size for info in infos) > size:
        raise ValueError("its arrays are longer than the file")
    return members


def _facts(archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> dict[str, Any]:
    """What the file says about its run.

    Raises:
        ValueError: if that is not what training writes.
    """
    if FACTS not in members or members[FACTS].file_size > _LARGEST_FACTS:
        raise ValueError(f"{FACTS} is missing")
    facts = json.loads(archive.read(members[FACTS]))
    if not isinstance(facts, dict):
        raise ValueError(f"{FACTS} holds no facts")
    if facts.pop("facts_sha256", None) not in (None, _digest_of_facts(facts)):
        raise ValueError(f"{FACTS} does not fit its checksum")
    kinds = {"step": int, "recipe": dict, "data": str, "score": float | int}
    for name, kind in kinds.items():
        if name in facts and not isinstance(facts[name], kind):
            raise ValueError(f"`{name}` is {facts[name]!r:.40}")
    return facts


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(name, "w", force_zip64=True) as stream:
        np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """An array, its shape checked against the member's length before it is allocated."""
    with archive.open(member) as stream:
        dtype, shape = _header(stream)
        length = math.prod(shape) * dtype.itemsize
        if length > member.file_size:
            raise ValueError(f"{member.filename} says it holds {shape}, and is too short for that")
        content = stream.read()
    if len(content) != length:
        raise ValueError(f"{member.filename} is {len(content)} bytes long, expected {length}")
    return np.frombuffer(bytearray(content), dtype).reshape(shape)


def _header(stream: IO[bytes]) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and shape from the beginning of an array of NumPy's format."""
    start = stream.read(10)
    if start[:6] != _MAGIC or start[6:8] != b"\x01\x00":
        raise ValueError("an array has no header")
    found = _HEADER.fullmatch(stream.read(int.from_bytes(start[8:10], "little")))
    if found is None:
        raise ValueError("an array has a damaged header")
    sides = found[2].decode().replace(",", " ").split()
    return np.dtype(found[1].decode()), tuple(map(int, sides))


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over every name, type, shape and value."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _digest_of_facts(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _flush_to_disk(path: Path) -> None:
    """Makes sure that a rename cannot come before the content, even if power fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
