"""JAX: one program on all devices, rows of the batch and rows of the head along one axis."""

from contextlib import AbstractContextManager
from typing import Any

import jax
import keras
from keras.distribution import DeviceMesh, LayoutMap, ModelParallel, TensorLayout

from framl_keras.errors import UserError
from framl_keras.training.distribution.devices import Batch, OneProcess

AXIS = "device"
# What has a row for each class; the optimizer's slots lie where their variables do.
_ROWS_OF_CLASSES = "head/(kernel|kernel_momentum|row_gradient)"
_DRAWN_CLASSES = "head/sampled_classes"


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
        layouts = LayoutMap(mesh)
        layouts[_ROWS_OF_CLASSES] = (AXIS, None)
        layouts[_DRAWN_CLASSES] = (AXIS,)
        super().__init__(layout_map=layouts, batch_dim_name=AXIS, auto_shard_dataset=False)
        self.class_shards = count

    def get_data_layout(self, data_shape: tuple[int, ...]) -> TensorLayout:
        """By rows, or whole on each device where they cannot be shared equally."""
        if data_shape and data_shape[0] % self.class_shards == 0:
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
        """A batch of which each device has its rows."""
        layout_of = self._distribution.get_data_layout
        return tuple(jax.device_put(rows, layout_of(rows.shape).backend_layout) for rows in batch)


def create(count: int) -> JaxDevices:
    """The first devices."""
    return JaxDevices(count)


def available() -> int:
    """How many devices this process has.

    Raises:
        UserError: if it is one of several.
    """
    if jax.process_count() > 1:
        raise UserError(
            f"--devices: JAX trains in one process, and this is one of {jax.process_count()}. "
            "Start one on a machine, or train with KERAS_BACKEND=torch and torchrun."
        )
    return len(keras.distribution.list_devices())
