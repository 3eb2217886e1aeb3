"""Where a run goes on: from its last checkpoint, or anew."""

import hashlib
import logging
import time
from typing import Any

from framl_keras.data.alignment import alignment_of
from framl_keras.data.sources import Source
from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import Checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.checkpoints.folder import Checkpoints

log = logging.getLogger(__name__)

# What may change between the parts of one run without changing its result but for rounding.
_FREE = (
    "name",
    "data.threads",
    "data.on_error",
    "data.test",
    "data.validation",
    "train.verify_every",
    "train.best_by",
    "train.early_stop",
    "train.log_every",
    "train.save_steps",
    "train.keep",
    "train.fused_batch_norm",
    "train.epochs",  # a longer run goes on; what that means for its schedule is told
)


def facts_of(recipe: dict[str, Any], source: Source) -> dict[str, Any]:
    """What a checkpoint says about its run: the recipe, the data's fingerprint and alignment."""
    aligned = alignment_of(recipe["data"]["train"])
    return {"recipe": recipe, "data": fingerprint(source), "aligned": aligned}


def fingerprint(source: Source) -> str:
    """A hash over the identities' names and every label, in order."""
    digest = hashlib.sha256("\0".join(source.class_names).encode())
    digest.update(source.labels.astype("<i8").tobytes())
    return digest.hexdigest()


def find_start(
    checkpoints: Checkpoints, total_steps: int, is_delivered: bool = True
) -> Checkpoint | None:
    """The checkpoint to go on from; None where the run begins.

    Args:
        checkpoints: the run's.
        total_steps: of the run as it is asked for now.
        is_delivered: whether the run's last part wrote its embedder; one that was killed before
            goes on even after its last step.

    Raises:
        UserError: if the recipe or the data are not those of the run that is there.
    """
    checkpoints.clear_half_written()
    checkpoint = checkpoints.newest()
    if checkpoint is None or checkpoint.facts["step"] >= total_steps + (0 if is_delivered else 1):
        return None
    if changes := _changes(checkpoint.facts, checkpoints.facts):
        raise UserError(
            f"The run in {checkpoints.folder.parent} has other settings: {'; '.join(changes)}. "
            "Set them back to go on, choose another --name, or begin anew with --restart."
        )
    log.info("Going on after step %d of %d", checkpoint.facts["step"], total_steps)
    return checkpoint


def put_aside(run: RunDirectory) -> None:
    """Renames a run's folder, so that a new one of that name loses nothing."""
    if not any(run.path.glob("*")):
        return
    stamp = time.strftime("%Y%m%dT%H%M%S")
    aside = run.path.with_name(f"{run.path.name}.before-{stamp}")
    run.path.rename(aside)
    log.info("The run that was there is now in %s", aside)


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What differs between two checkpoints' facts, and matters."""
    old, new = _flat(before["recipe"]), _flat(now["recipe"])
    keys = [key for key in sorted(old.keys() | new.keys()) if not key.startswith(_FREE)]
    changes = [
        f"{key} was {old.get(key)!r}, is {new.get(key)!r}"
        for key in keys
        if old.get(key) != new.get(key)
    ]
    return changes + (["the training data differ"] if before["data"] != now["data"] else [])


def _flat(section: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in section.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat
