"""Processes of Torch: one process group, by NCCL where there are GPUs and gloo elsewhere."""

import atexit
import importlib
import re
from typing import Any

import numpy as np
import torch
from torch import distributed

from framl_keras.errors import UserError
from framl_keras.processes.job import CONNECTION, Joined, said_beside
from framl_keras.processes.launchers import Launched

# Its functions' defaults are the group that is there when it is imported, and keep it for ever:
# gloo's threads would outlive the interpreter, and one that then frees a tensor aborts the process.
_HOLDS_THE_GROUP = "torch.distributed.nn.functional"
GONE = re.compile(CONNECTION + "|NCCL")


def join(launched: Launched) -> Joined:
    """The processes of the group, which is made if it is not there.

    Raises:
        UserError: if nobody says where the first process is.
    """
    if not distributed.is_initialized():
        _begin(launched)
    return Joined(distributed.get_rank(), distributed.get_world_size(), _gather, GONE)


def _begin(launched: Launched) -> None:
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        local = launched.process if launched.local is None else launched.local
        torch.cuda.set_device(local % torch.cuda.device_count())
    where: dict[str, Any] = {"rank": launched.process, "world_size": launched.processes}
    if launched.by == "WORLD_SIZE":  # torchrun has a store of its own
        where = {}
    elif not launched.addresses:
        raise UserError(f"{launched.by}={launched.processes}, but MASTER_ADDR, WORLD_SIZE and RANK "
                        "are not set. Torch needs them.")  # fmt: skip
    else:
        where["init_method"] = f"tcp://{launched.addresses[0]}"
    importlib.import_module(_HOLDS_THE_GROUP)
    with said_beside():
        distributed.init_process_group("nccl" if on_gpu else "gloo", **where)
    if not on_gpu:
        atexit.register(_part)


def _gather(numbers: np.ndarray) -> np.ndarray:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sent = torch.from_numpy(numbers).to(device)
    parts = [torch.empty_like(sent) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, sent)
    return torch.stack(parts).cpu().numpy()


def _part() -> None:
    """Ends gloo's threads before the program: one that lost its peer then would abort it."""
    if distributed.is_initialized():
        distributed.destroy_process_group()
