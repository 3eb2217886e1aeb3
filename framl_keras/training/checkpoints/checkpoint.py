"""One file that holds all that a run needs to go on, on any backend."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.atomic import write_beside
from framl_keras.errors import UserError
from framl_keras.runs.disk import disk_errors_explained

SUFFIX = ".ckpt"
_FACTS = "facts.json"


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
    with disk_errors_explained(path), write_beside(path) as beside:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_FACTS, json.dumps(facts))
            for name, array in checkpoint.arrays.items():
                _write_array(archive, name, array)
        _flush_to_disk(beside)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint and checks all that it says.

    Raises:
        UserError: if the file is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(_FACTS))
            names = [name for name in archive.namelist() if name != _FACTS]
            arrays = {name: _read_array(archive, name) for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: damaged checkpoint: {error}. Expected a whole file.") from None
    if not isinstance(facts, dict) or facts.pop("sha256", None) != _digest(arrays):
        raise UserError(f"{path}: damaged checkpoint: its checksum does not fit its content.")
    return Checkpoint(facts, arrays)


def _write_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(name, "w", force_zip64=True) as stream:
        np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)


def _read_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    stream = io.BytesIO(archive.read(name))
    return np.lib.format.read_array(stream, allow_pickle=False)


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over every name, type, shape and value."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _flush_to_disk(path: Path) -> None:
    """Makes sure that a rename cannot come before the content, even if power fails."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
