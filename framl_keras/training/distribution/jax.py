"""JAX: one program on all devices, rows of the batch and rows of the head along one axis."""

from contextlib import AbstractContextManager
from typing import Any

import jax
import keras
from keras.distribution import DeviceMesh, LayoutMap, ModelParallel, TensorLayout

from framl_keras.training.distribution.devices import Batch, OneProcess

AXIS = "device"
# What has a row for each class; the optimizer's slots lie where their variables do.
_ROWS_OF_CLASSES = "head/(kernel|kernel_momentum)"


class SharedByRows(ModelParallel):
    """Every device has a share of the batch's rows, and of the head's; all else is on each.

    Statistics of batch normalization, dropout and margins see the whole batch, since the
    program is that of one device: the compiler spreads it.

    Args:
        count: how many of the job's devices, the first ones.

    Attributes:
        class_shards: see `framl_keras.ops.backend`.
    """

    def __init__(self, count: int):
        mesh = DeviceMesh((count,), [AXIS], keras.distribution.list_devices()[:count])
        layouts = LayoutMap(mesh)
        layouts[_ROWS_OF_CLASSES] = (AXIS, None)
        # Each process reads its own rows only.
        super().__init__(layout_map=layouts, batch_dim_name=AXIS, auto_shard_dataset=False)
        self.class_shards = count

    def get_data_layout(self, data_shape: tuple[int, ...]) -> TensorLayout:
        """By rows, or whole on each device where they cannot be shared equally."""
        local = self.class_shards // jax.process_count()
        if data_shape and data_shape[0] % local == 0:
            return super().get_data_layout(data_shape)
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
        """This process' rows of a batch as parts of arrays that lie on all devices."""
        layout_of = self._distribution.get_data_layout
        return tuple(
            jax.make_array_from_process_local_data(layout_of(rows.shape).backend_layout, rows)
            for rows in batch
        )


def create(count: int) -> JaxDevices:
    """The first devices."""
    return JaxDevices(count)


def available() -> int:
    """How many devices the job has."""
    return len(keras.distribution.list_devices())
