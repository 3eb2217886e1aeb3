"""What launchers tell the processes that they start: how many there are, and where."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from framl_keras.errors import UserError

Variables = Mapping[str, str]
TENSORFLOW = "TF_CONFIG"
VARIABLE = "FRAML_KERAS_PROCESSES"  # 1 lets each process work alone, whatever started it


class Launched(NamedTuple):
    """One process of several.

    Attributes:
        by: the variable that says how many there are.
        processes: how many.
        process: which one this is, from 0.
        local: which one on this machine; None if that is not said.
        on_machine: how many there are on this machine; None if that is not said.
        addresses: `host:port` of the first process, or of each; none where only JAX finds it.
    """

    by: str
    processes: int
    process: int
    local: int | None
    on_machine: int | None
    addresses: Sequence[str]


class _Launcher(NamedTuple):
    """Names of variables: how many processes, which one, which one here, how many here, where."""

    processes: str
    process: str
    local: str
    on_machine: str
    address: str
    addresses_of: Callable[[Variables, str], Sequence[str]]


def _as_they_are(variables: Variables, address: str) -> Sequence[str]:
    return [each.strip() for each in address.split(",")]


def _with_port(variables: Variables, address: str) -> Sequence[str]:
    return [f"{address}:{_number(variables, 'MASTER_PORT', '29500')}"]


def _first_node(variables: Variables, nodes: str) -> Sequence[str]:
    """The first of `node[03-07,9],other`, at a port that other jobs are unlikely to have."""
    name, number = re.match(r"([^\[,]+)(?:\[(\d+))?", nodes).groups()  # type: ignore[union-attr]
    job = _number(variables, "SLURM_JOB_ID", "0")
    return [f"{name}{number or ''}:{61440 + job % 4096}"]


_LAUNCHERS: Sequence[_Launcher] = (
    _Launcher(
        "KERAS_DISTRIBUTION_NUM_PROCESSES",
        "KERAS_DISTRIBUTION_PROCESS_ID",
        *("", "", "KERAS_DISTRIBUTION_JOB_ADDRESSES"),
        _as_they_are,
    ),
    _Launcher(
        *("JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "", "", "JAX_COORDINATOR_ADDRESS"), _as_they_are
    ),
    _Launcher("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", _with_port),
    _Launcher(
        *("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID", ""),
        "SLURM_STEP_NODELIST",
        _first_node,
    ),
    _Launcher(
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_RANK",
        *("OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", ""),
        _as_they_are,
    ),
)


def launched(variables: Variables) -> Launched | None:
    """What a launcher says to this process; None if there is one process alone.

    Args:
        variables: of the environment: those of Keras, of JAX, of `torchrun` and all that set
            the same ones, of SLURM's steps, or of Open MPI.

    Raises:
        UserError: if it says a part of it only.
    """
    for names in () if variables.get(VARIABLE) == "1" else _LAUNCHERS:
        count = variables.get(names.processes, "")
        if count.isdecimal() and int(count) > 1:
            return _said(variables, names)
    return None


def by_tensorflow(variables: Variables) -> Launched | None:
    """What `TF_CONFIG` says; None where it is not set or there is one process alone.

    Raises:
        UserError: if it is damaged.
    """
    text = variables.get(TENSORFLOW)
    if not text or variables.get(VARIABLE) == "1":
        return None
    try:
        told = json.loads(text)
        cluster, task = told.get("cluster", {}), told.get("task", {})
        tasks = [
            (kind, at) for kind in ("chief", "worker") for at in range(len(cluster.get(kind, ())))
        ]
        addresses = [str(cluster[kind][at]) for kind, at in tasks]
        if len(tasks) < 2:
            return None
        process = tasks.index((task["type"], int(task["index"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            'TF_CONFIG: expected {"cluster": {"worker": ["host:port", …]}, "task": {"type": '
            f'"worker", "index": 0}}}}. Received: {text:.200}'
        ) from None
    return Launched(TENSORFLOW, len(tasks), process, None, None, addresses)


def _said(variables: Variables, names: _Launcher) -> Launched:
    needed = [name for name in (names.process, names.address) if name]
    if missing := [name for name in needed if not variables.get(name)]:
        count = variables[names.processes]
        raise UserError(f"{names.processes}={count}, but {missing[0]} is not set. Set both.")
    address = variables[names.address] if names.address else ""
    return Launched(
        names.processes,
        _number(variables, names.processes),
        _number(variables, names.process),
        _number(variables, names.local) if names.local in variables else None,
        _number(variables, names.on_machine) if names.on_machine in variables else None,
        names.addresses_of(variables, address) if address else (),
    )


def _number(variables: Variables, name: str, default: str = "") -> int:
    """A variable that is a number.

    Raises:
        UserError: if it is none.
    """
    value = str(variables.get(name, default))
    if not value.isdecimal():
        raise UserError(f"{name}: expected a number from 0. Received: {value}")
    return int(value)


def beside(address: str, by: int) -> str:
    """The address `by` ports further, for what the launcher does not listen on itself."""
    host, port = address.rsplit(":", 1)
    return f"{host}:{int(port) + by}"
