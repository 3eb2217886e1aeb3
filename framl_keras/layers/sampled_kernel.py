"""Partial FC: a kernel of which each step sees, and changes, some rows only."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from framl_keras.layers.row_sgd import RowSGD
from framl_keras.ops.backend import assign_rows, check_one_device, take_rows
from framl_keras.ops.random_bits import counted_uniform

Tensor = Any


class SampledKernel:
    """The centers of a head with `sample_rate` below 1, and how they are trained.

    Any optimizer of Keras' works on whole variables: it would move the momentum of all
    rows, and decay them all. So the kernel is not handed to it. The sampled rows'
    gradient is: it is the variable `row_gradient`, marked so that an optimizer does
    nothing but write the gradient into it. The next training call applies it with
    `RowSGD`, before it samples anew. Calls outside of training see the kernel as it
    will be then.

    Args:
        num_classes: number of classes.
        sub_centers: rows a class.
        sample_rate: part of the classes that a step sees.
        optimizer: how rows are updated.
        seed: of the sampling.
    """

    def __init__(
        self,
        num_classes: int,
        sub_centers: int,
        sample_rate: float,
        optimizer: RowSGD,
        seed: int,
    ):
        self.num_classes, self.sub_centers = num_classes, sub_centers
        self.num_sampled = math.ceil(sample_rate * num_classes)
        self.optimizer, self.seed = optimizer, seed

    def build(self, add_weight: Callable[..., Any], kernel: Any, dim: int) -> None:
        """Makes the state beside the kernel.

        Args:
            add_weight: the head's.
            kernel: the variable `(sub_centers * num_classes, dim)`, not trainable.
            dim: length of the embeddings.
        """
        check_one_device("`sample_rate` below 1")
        if keras.config.dtype_policy().name == "mixed_float16":
            raise ValueError(
                "`sample_rate` below 1 does not work under the policy mixed_float16, whose "
                "loss scaling would scale the rows' gradient. Use mixed_bfloat16 or float32."
            )
        self.kernel = kernel
        rows = self.sub_centers * self.num_sampled
        state = {"trainable": False, "initializer": "zeros", "autocast": False}
        self.velocity = add_weight(name="kernel_momentum", shape=kernel.shape, **state)
        self.rows = add_weight(name="sampled_rows", shape=(rows,), dtype="int32", **state)
        self.applied = add_weight(name="applied_gradient", shape=(2,), **state)
        self.updates = add_weight(name="updates", shape=(), dtype="int32", **state)
        self.steps = add_weight(name="steps", shape=(), dtype="int32", **state)
        self.gradient = add_weight(
            name="row_gradient", shape=(rows, dim), initializer="zeros", autocast=False
        )
        self.gradient.overwrite_with_gradient = True

    def sample(self, labels: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Rows of this step and each label's place among the sampled classes.

        Args:
            labels: int32 `(batch,)`.
            training: whether gradients will come for these rows.

        Returns:
            The rows' values `(sub_centers * num_sampled, dim)`, through which gradients
            flow to `row_gradient`; int32 `(batch,)`, -1 for no label; and the sampled
            classes, ascending.

        Raises:
            ValueError: if the batch is larger than the number of sampled classes.
        """
        if labels.shape[0] is not None and labels.shape[0] > self.num_sampled:
            raise ValueError(
                "The batch must not be larger than the number of sampled classes, "
                f"{self.num_sampled}. Raise `sample_rate`. Received: labels.shape={labels.shape}"
            )
        classes, places = sample_classes(
            labels, self.num_classes, self.num_sampled, self.seed, self.steps
        )
        starts = range(0, self.sub_centers * self.num_classes, self.num_classes)
        rows = ops.concatenate([classes + start for start in starts])
        if not training:
            return ops.take(self.current(), rows, axis=0), places, classes
        self._apply_gradient()
        self.rows.assign(rows)
        self.steps.assign(self.steps + 1)
        gradient = ops.convert_to_tensor(self.gradient)
        values = take_rows(self.kernel, rows)
        # Adds zero; the derivative with respect to `row_gradient` is that of the rows.
        return values + (gradient - ops.stop_gradient(gradient)), places, classes

    def current(self) -> Tensor:
        """The kernel with the last step's gradient applied; a copy."""
        rows, values, _, _ = self._updated()
        return ops.scatter_update(ops.convert_to_tensor(self.kernel), rows[:, None], values)

    def _apply_gradient(self) -> None:
        rows, values, velocity, mark = self._updated()
        is_new = self._is_new(mark)
        assign_rows(self.kernel, rows, values)
        assign_rows(self.velocity, rows, velocity)
        self.updates.assign(self.updates + ops.cast(is_new, "int32"))
        self.applied.assign(mark)

    def _updated(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The last step's rows, their new values and momentum, and the gradient's mark."""
        rows = ops.convert_to_tensor(self.rows)
        gradient = ops.stop_gradient(ops.convert_to_tensor(self.gradient))
        values = take_rows(self.kernel, rows)
        velocity = take_rows(self.velocity, rows)
        new_values, new_velocity = self.optimizer.updated(
            values, velocity, gradient, ops.convert_to_tensor(self.updates)
        )
        mark = ops.stack([ops.max(gradient), ops.min(gradient)])
        is_new = self._is_new(mark)
        values = ops.where(is_new, new_values, values)
        return rows, values, ops.where(is_new, new_velocity, velocity), mark

    def _is_new(self, mark: Tensor) -> Tensor:
        """Whether the gradient has come since the last one was applied.

        Extremes are exact whatever the order of summation, so they tell gradients apart.
        """
        return ops.any(ops.not_equal(mark, ops.convert_to_tensor(self.applied)))


def sample_classes(
    labels: Tensor, num_classes: int, count: int, seed: int, step: Tensor
) -> tuple[Tensor, Tensor]:
    """All classes of a batch and random others, `count` in all.

    Args:
        labels: int32 `(batch,)`; -1 stands for no class.
        num_classes: how many classes there are.
        count: how many to take, at least the batch's number of classes.
        seed: any integer.
        step: integer scalar; the same seed and step give the same classes anywhere.

    Returns:
        The classes, sorted, int32 `(count,)`; and the place of each label among them,
        int32 `(batch,)`, -1 where the label is.
    """
    keys = counted_uniform((num_classes + 1,), seed, step)
    # Rows without a label go to one place more, which is cut off.
    places = ops.where(labels < 0, num_classes, labels)
    keys = ops.scatter_update(keys, places[:, None], ops.full_like(places, 2, dtype="float32"))
    _, classes = ops.top_k(keys[:num_classes], count, sorted=False)
    classes = ops.sort(ops.cast(classes, "int32"))
    found = ops.cast(ops.searchsorted(classes, labels), "int32")
    found = ops.minimum(found, count - 1)
    is_there = ops.equal(ops.take(classes, found, axis=0), labels)
    return classes, ops.where(is_there, found, -1)
