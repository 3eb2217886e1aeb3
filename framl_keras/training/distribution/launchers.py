"""What launchers tell a process of JAX: where the first one is, how many there are, its number."""

import os
from collections.abc import Sequence
from typing import Any

from framl_keras.errors import UserError

# Address of the first process, how many there are, the number of this one.
_LAUNCHERS: Sequence[tuple[str, str, str]] = (
    (
        "KERAS_DISTRIBUTION_JOB_ADDRESSES",
        "KERAS_DISTRIBUTION_NUM_PROCESSES",
        "KERAS_DISTRIBUTION_PROCESS_ID",
    ),
    ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"),
    ("MASTER_ADDR", "WORLD_SIZE", "RANK"),
)
_KNOWN_TO_JAX = ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE")


def from_launcher(variables: Any) -> dict[str, Any] | None:
    """What a launcher says: arguments for JAX, empty where JAX finds them; None if there is none.

    Raises:
        UserError: if it says a part of it only.
    """
    for names in _LAUNCHERS:
        said = [variables.get(name) for name in names]
        count = said[1]
        if not (count or "").isdecimal() or int(count or 0) < 2:
            continue
        missing = [name for name, value in zip(names, said, strict=True) if not value]
        if missing:
            raise UserError(f"{names[1]}={count}, but {missing[0]} is not set. Set both.")
        address, number = str(said[0]).split(",")[0], _number(variables, names[2], "0")
        found: dict[str, Any] = {"num_processes": int(str(count)), "process_id": number}
        if names[0] == "MASTER_ADDR":  # torchrun itself listens on MASTER_PORT
            address = f"{address}:{_number(variables, 'MASTER_PORT', '29500') + 1}"
            found["local_device_ids"] = [_number(variables, "LOCAL_RANK", "0")]
            if variables.get("JAX_PLATFORMS") == "cpu" or not has_accelerators():
                found.pop("local_device_ids")
        return {"coordinator_address": address, **found}
    several = (variables.get(name, "1") for name in _KNOWN_TO_JAX)
    return {} if any(value.isdecimal() and int(value) > 1 for value in several) else None


def _number(variables: Any, name: str, default: str) -> int:
    """A variable that is a number.

    Raises:
        UserError: if it is none.
    """
    value = str(variables.get(name, default))
    if not value.isdecimal():
        raise UserError(f"{name}: expected a number from 0. Received: {value}")
    return int(value)


def has_accelerators() -> bool:
    """Whether there is a GPU of NVIDIA's; JAX cannot be asked before the processes have met."""
    return os.path.exists("/dev/nvidia0")


def said_by(found: dict[str, Any]) -> str:
    """Who said it, for an error."""
    return found.get("coordinator_address", "SLURM or Open MPI")
