"""JAX: one program on all devices, rows of the batch and rows of the head along one axis.

The devices may be those of several processes, which a launcher started: each runs the same
program, and reads its own rows of the batch.
"""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import jax
import keras
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from keras.distribution import DeviceMesh, LayoutMap, ModelParallel, TensorLayout

from framl_keras.ops.row_share import is_of_classes
from framl_keras.processes import Processes
from framl_keras.training.distribution.devices import (
    Batch,
    InProcesses,
    OneProcess,
    Predictor,
)

AXIS = "device"


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


class JaxProcesses(InProcesses):
    """All devices of several JAX processes, each with as many.

    Args:
        joined: they.
    """

    def __init__(self, joined: Processes):
        super().__init__(joined, jax.device_count())
        self._distribution = SharedByRows(self.count)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """The block within which variables get their place."""
        # Keras draws first weights, which are replaced; JAX asks that they be the same everywhere.
        keras.utils.set_random_seed(0)
        with self._distribution.scope(), self.joined.scope():
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

    def predictor(self, model: keras.Model) -> Predictor:
        """The model, of whose batches each of this process' devices computes a share."""
        return _OnOwnDevices(model)


class _OnOwnDevices:
    """Calls a model that all processes have on the devices of this one."""

    def __init__(self, model: keras.Model):
        self._model = model
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
        count = len(self._devices)
        rows = np.zeros((-(-len(pixels) // count) * count, *pixels.shape[1:]), pixels.dtype)
        rows[: len(pixels)] = pixels
        variables = (self._model.trainable_variables, self._model.non_trainable_variables)
        weights, state = ([self._here(variable) for variable in part] for part in variables)
        outputs = self._call(weights, state, jax.device_put(rows, self._by_rows))
        return np.asarray(outputs)[: len(pixels)]

    def _here(self, variable: keras.Variable) -> jax.Array:
        """A variable that every device has, on this process' devices alone; moved if it changed."""
        value, here = self._moved.get(id(variable), (None, None))
        if value is not variable.value:
            here = jax.device_put(np.asarray(variable.value), self._whole)
            self._moved[id(variable)] = (variable.value, here)
        return here


def create(count: int) -> JaxDevices:
    """The first devices of this process."""
    return JaxDevices(count)


def of_processes(joined: Processes) -> JaxProcesses:
    """All devices of several processes."""
    return JaxProcesses(joined)


def available() -> int:
    """How many devices there are, in all processes."""
    return len(keras.distribution.list_devices())
