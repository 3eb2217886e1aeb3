"""JAX: one program on all devices, rows of the batch and rows of the head along one axis.

The devices may be those of several processes, which a launcher started: each runs the same
program, and reads its own rows of the batch.
"""

import atexit
import contextlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from keras.distribution import DeviceMesh, LayoutMap, ModelParallel, TensorLayout

from framl_keras.errors import UserError
from framl_keras.ops.row_share import is_of_classes
from framl_keras.training.distribution.devices import (
    Batch,
    OneProcess,
    Predictor,
    explained_loss,
)
from framl_keras.training.distribution.launchers import from_launcher, said_by

AXIS = "device"
# Seconds. One process may verify for long while others wait at the end; who is lost is noticed
# by its heartbeat.
_PATIENCE = {
    "initialization_timeout": 300,
    "heartbeat_timeout_seconds": 20,
    "shutdown_timeout_seconds": 24 * 3600,
}
_PEER_GONE = re.compile(
    r"[Cc]onnection (closed|reset|refused)|[Bb]roken pipe|[Tt]imed out|DEADLINE|UNAVAILABLE|"
    r"heartbeat|[Cc]oordination|NCCL|Gloo"
)


class SharedByRows(ModelParallel):
    """Every device has a share of the batch's rows, and of the head's; all else is on each.

    Statistics of batch normalization, dropout and margins see the whole batch, since the
    program is that of one device: the compiler spreads it.

    Args:
        count: how many of the process' devices, the first ones.

    Attributes:
        class_shards: see `framl_keras.ops.backend`.
    """

    def __init__(self, count: int):
        mesh = DeviceMesh((count,), [AXIS], keras.distribution.list_devices()[:count])
        super().__init__(layout_map=LayoutMap(mesh), batch_dim_name=AXIS, auto_shard_dataset=False)
        self.class_shards = count

    def get_variable_layout(self, variable: keras.Variable) -> TensorLayout:
        """By rows of classes, or whole on each device; an optimizer's slots lie as variables do."""
        if is_of_classes():
            axes = [AXIS, *[None] * (len(variable.shape) - 1)]
            return TensorLayout(axes, self.device_mesh)
        return super().get_variable_layout(variable)

    def get_data_layout(self, data_shape: tuple[int, ...]) -> TensorLayout:
        """By rows, or whole on each device where they cannot be shared equally.

        Args:
            data_shape: of what this process has, of several its rows.

        Raises:
            ValueError: if it is one of several processes, and the rows cannot be shared: they
                would pass for the same rows in each.
        """
        if data_shape and data_shape[0] * jax.process_count() % self.class_shards == 0:
            return super().get_data_layout(data_shape)
        if data_shape and jax.process_count() > 1:
            raise ValueError(
                f"{self.class_shards} devices cannot share {jax.process_count()} times "
                f"{data_shape[0]} rows equally."
            )
        return TensorLayout([None] * len(data_shape), self.device_mesh)


class JaxDevices(OneProcess):
    """Devices of one JAX process.

    Args:
        count: how many.
    """

    def __init__(self, count: int):
        self.count = count
        self._distribution = SharedByRows(count)

    def scope(self) -> AbstractContextManager[Any]:
        """The block within which variables get their place."""
        scope: AbstractContextManager[Any] = self._distribution.scope()
        return scope

    def place(self, batch: Batch) -> Batch:
        """A batch of which each device has its rows."""
        layout_of = self._distribution.get_data_layout
        return tuple(jax.device_put(rows, layout_of(rows.shape).backend_layout) for rows in batch)


class JaxProcesses(JaxDevices):
    """All devices of several JAX processes, each with as many."""

    def __init__(self) -> None:
        super().__init__(jax.device_count())
        self.process, self.processes = jax.process_index(), jax.process_count()
        self.writes = self.process == 0

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which variables get their place."""
        # Keras draws first weights, which are replaced; JAX asks that they be the same everywhere.
        keras.utils.set_random_seed(0)
        lost = explained_loss(_PEER_GONE, self.process, self.processes)
        with self._distribution.scope(), _leaving_alone(), lost:
            yield

    def place(self, batch: Batch) -> Batch:
        """The whole batch, of which this process gives its rows."""
        return tuple(self._global(rows, PartitionSpec(AXIS)) for rows in batch)

    def whole(self, rows: np.ndarray) -> Any:
        """Numbers that each process has, for the program of all."""
        return self._global(np.asarray(rows), PartitionSpec())

    def _global(self, rows: np.ndarray, axes: PartitionSpec) -> Any:
        place = NamedSharding(self._distribution.device_mesh.backend_mesh, axes)
        return jax.make_array_from_process_local_data(place, np.asarray(rows))

    def wait(self) -> None:
        """Until all processes are here."""
        multihost_utils.sync_global_devices("framl-keras")

    def any(self, flag: bool) -> bool:
        """Whether it is true in one process at least."""
        return bool(multihost_utils.process_allgather(np.array([flag])).any())

    def predictor(self, model: keras.Model) -> Predictor:
        """The model, of whose batches each process computes a share on its own devices."""
        return _SharedPredictor(model, self.process, self.processes)


@contextlib.contextmanager
def _leaving_alone() -> Iterator[None]:
    """After an error the process ends by itself: JAX would wait for others, and then abort."""
    try:
        yield
    except BaseException as error:
        atexit.register(_leave, 2 if isinstance(error, UserError) else 1)
        raise


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class _SharedPredictor:
    """Splits a batch, and gives each process the whole answer."""

    def __init__(self, model: keras.Model, process: int, processes: int):
        self._model, self._process, self._processes = model, process, processes
        self._devices = np.array(jax.local_devices())
        self._moved: dict[int, tuple[Any, Any]] = {}
        mesh = Mesh(self._devices, [AXIS])
        self._whole = NamedSharding(mesh, PartitionSpec())
        self._by_rows = NamedSharding(mesh, PartitionSpec(AXIS))
        self._call = jax.jit(
            lambda weights, state, pixels: model.stateless_call(
                weights, state, pixels, training=False
            )[0]
        )

    def predict_on_batch(self, pixels: np.ndarray) -> np.ndarray:
        """The outputs for all rows."""
        count = self._processes * len(self._devices)
        share = -(-len(pixels) // count) * len(self._devices)
        own = np.zeros((share, *pixels.shape[1:]), pixels.dtype)
        some = pixels[self._process * share : (self._process + 1) * share]
        own[: len(some)] = some
        variables = (self._model.trainable_variables, self._model.non_trainable_variables)
        weights, state = ([self._here(variable) for variable in part] for part in variables)
        outputs = self._call(weights, state, jax.device_put(own, self._by_rows))
        found = multihost_utils.process_allgather(np.asarray(outputs), tiled=True)
        return np.asarray(found)[: len(pixels)]

    def _here(self, variable: keras.Variable) -> jax.Array:
        """A variable that every device has, on this process' devices alone; moved if it changed."""
        value, here = self._moved.get(id(variable), (None, None))
        if value is not variable.value:
            here = jax.device_put(np.asarray(variable.value), self._whole)
            self._moved[id(variable)] = (variable.value, here)
        return here


def create(count: int) -> JaxDevices:
    """The first devices, or all of several processes."""
    return JaxDevices(count) if jax.process_count() == 1 else JaxProcesses()


def available() -> int:
    """How many devices there are, in all processes."""
    return len(keras.distribution.list_devices())


def join_processes() -> int:
    """Joins the processes that a launcher started with this one; how many there are.

    A launcher says it by `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `_NUM_PROCESSES` and `_PROCESS_ID`;
    by `JAX_COORDINATOR_ADDRESS`, `JAX_NUM_PROCESSES` and `JAX_PROCESS_ID`; as `torchrun` does;
    or as SLURM and Open MPI do, whose variables JAX knows.

    Raises:
        UserError: if they cannot be joined.
    """
    is_joined = getattr(jax.distributed, "is_initialized", lambda: False)  # from JAX 0.5 on
    if is_joined():
        return int(jax.process_count())
    found = from_launcher(os.environ)
    if found is None:
        return 1
    try:
        taken = inspect.signature(jax.distributed.initialize).parameters
        patience: dict[str, Any] = {
            name: value for name, value in _PATIENCE.items() if name in taken
        }
        jax.distributed.initialize(**found, **patience)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"--devices: JAX could not join the processes that {said_by(found)} says were "
            f"started: {reason}"
        ) from None
    return int(jax.process_count())
