"""`embedder.keras`: a Keras model that says itself what it is, in the format's own metadata."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Any

from framl_keras.data.atomic import write_beside
from framl_keras.runs.disk import disk_errors_explained

if TYPE_CHECKING:
    import keras

_METADATA = "metadata.json"
_OURS = "framl_keras"
_LARGEST = 16 * 2**20


def save_embedder(path: Path, model: "keras.Model", facts: Mapping[str, Any]) -> None:
    """Writes an embedding model with facts about it, beside its place and renamed.

    Args:
        path: a name that ends with `.keras`.
        model: the embedding model.
        facts: anything that JSON holds, such as `image_size`, `central_crop`, `step`, `recipe`.

    Raises:
        UserError: if the disk is full or the folder cannot be written.
    """
    with disk_errors_explained(path), write_beside(path) as file:
        plain = file.with_suffix(f".plain{file.suffix}")
        try:
            model.save(plain)
            _with_facts(plain, file, facts)
        finally:
            plain.unlink(missing_ok=True)


def facts_in(path: Path) -> dict[str, Any]:
    """What `save_embedder` was told about a model; empty for a file without, or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo(_METADATA)
            if member.file_size > _LARGEST:
                return {}
            facts = json.loads(archive.read(member)).get(_OURS, {})
    except Exception:  # whoever loads the model says what is wrong with the file
        return {}
    return facts if isinstance(facts, dict) else {}


def _with_facts(source: Path, target: Path, facts: Mapping[str, Any]) -> None:
    """Copies an archive, with the facts added to its metadata."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            if member.filename == _METADATA:
                metadata = {**json.loads(old.read(member)), _OURS: dict(facts)}
                new.writestr(_METADATA, json.dumps(metadata, ensure_ascii=False))
                continue
            with old.open(member) as read, new.open(member, "w", force_zip64=True) as written:
                copyfileobj(read, written, 2**20)
