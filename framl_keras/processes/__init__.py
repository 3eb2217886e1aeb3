"""The processes that a launcher started together, and what they tell each other."""

import importlib
import os

from framl_keras import backend
from framl_keras.processes.job import ALONE, Alone, Joined, Processes, agree, check_same
from framl_keras.processes.launchers import by_tensorflow, launched

__all__ = ["ALONE", "Alone", "Joined", "Processes", "agree", "check_same", "join"]


def join() -> Processes:
    """Joins the processes that a launcher started with this one; the second time, the same ones.

    A launcher says it by `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `_NUM_PROCESSES` and `_PROCESS_ID`;
    by `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`; as `torchrun` does, or
    SLURM for the tasks of a step; on JAX as Open MPI does, on TensorFlow by `TF_CONFIG`. JAX
    must be joined before anything is computed.

    Raises:
        UserError: if it says a part only, or they cannot be joined.
    """
    running = backend.choose()
    started = launched(os.environ)
    if running == "tensorflow":
        started = by_tensorflow(os.environ) or started
    if started is None:
        return ALONE
    joined: Processes = importlib.import_module(f"{__name__}.{running}").join(started)
    return joined
