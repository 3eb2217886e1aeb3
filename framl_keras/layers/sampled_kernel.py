"""Partial FC: a kernel of which each step sees, and changes, some rows only."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from framl_keras.layers.row_sgd import RowSGD
from framl_keras.ops.backend import (
    assign_rows,
    check_one_device,
    class_shards,
    class_share,
    largest_columns,
    marked,
    max_of_classes,
    place_among,
    sum_of_classes,
    take_rows,
)
from framl_keras.ops.random_bits import counted_uniform
from framl_keras.ops.row_share import rows_of_classes

Tensor = Any

# Classes are drawn block by block, so that devices that share the blocks draw their own. A block
# gives at least so many, since it has to give all of a batch's classes that are its own.
MOST_BLOCKS, SMALLEST_DRAW = 64, 1024


class Seen(NamedTuple):
    """The centers that a step sees.

    Attributes:
        rows: `(sub_centers * classes, dim)`.
        places: of each label among the classes, int32 `(batch,)`; -1 for no label, and where
            another program has the class.
        is_class: bool `(classes,)`, where some are none; or None.
        classes: int32 `(classes,)`, or None where all classes are seen.
        is_drawn: bool `(batch,)`, whether the label's class could be drawn; None where all are.
    """

    rows: Tensor
    places: Tensor
    is_class: Tensor | None = None
    classes: Tensor | None = None
    is_drawn: Tensor | None = None


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
        self.optimizer, self.seed = optimizer, seed
        num_sampled = math.ceil(sample_rate * num_classes)
        self.blocks = _blocks(num_classes, num_sampled)
        self.block_classes = -(-num_classes // self.blocks)
        self.block_draw = -(-num_sampled // self.blocks)
        self.num_sampled = self.blocks * self.block_draw

    @property
    def classes_with_padding(self) -> int:
        """Classes of a kernel whose blocks devices share equally."""
        return self._all_blocks * self.block_classes

    @property
    def _all_blocks(self) -> int:
        return -(-self.blocks // class_shards()) * class_shards()

    def draws(self, first: int, last: int) -> np.ndarray:
        """The first classes of each block: what stands for a draw before there was one.

        Args:
            first: of all drawn classes' places, the first that is asked for.
            last: one beyond the last of them.
        """
        places = np.arange(first, last)
        block, within = places // self.block_draw, places % self.block_draw
        return (block * self.block_classes + within).astype("int32")

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
        place, shares = class_share()
        self.blocks_here = self._all_blocks // shares
        self.first_class = place * self.blocks_here * self.block_classes
        self.by_class = class_shards() > 1
        count = self.blocks_here * self.block_draw
        first = place * count
        rows = self.sub_centers * count
        state = {"trainable": False, "initializer": "zeros", "autocast": False}
        drawn = self.draws(first, first + count)
        with rows_of_classes():
            self.velocity = add_weight(name="kernel_momentum", shape=kernel.shape, **state)
            self.gradient = add_weight(
                name="row_gradient", shape=(rows, dim), initializer="zeros", autocast=False
            )
            self.drawn = add_weight(
                name="sampled_classes",
                shape=(count,),
                dtype="int32",
                trainable=False,
                autocast=False,
                initializer=lambda shape, dtype=None: ops.convert_to_tensor(drawn, dtype=dtype),
            )
        self.applied = add_weight(name="applied_gradient", shape=(2,), **state)
        self.updates = add_weight(name="updates", shape=(), dtype="int32", **state)
        self.steps = add_weight(name="steps", shape=(), dtype="int32", **state)
        self.gradient.overwrite_with_gradient = True

    def sample(self, labels: Tensor, training: bool) -> Seen:
        """What a step sees; gradients flow from its rows to `row_gradient`.

        Args:
            labels: int32 `(batch,)`.
            training: whether gradients will come for these rows.

        Raises:
            ValueError: if the batch is larger than the number of sampled classes.
        """
        if labels.shape[0] is not None and labels.shape[0] > self.num_sampled:
            raise ValueError(
                "The batch must not be larger than the number of sampled classes, "
                f"{self.num_sampled}. Raise `sample_rate`. Received: labels.shape={labels.shape}"
            )
        here = labels - self.first_class
        size = self.blocks_here * self.block_classes
        here = ops.where(ops.logical_and(here >= 0, here < size), here, -1)
        classes, places = sample_classes(
            here,
            self.num_classes - self.first_class,
            (self.blocks_here, self.block_classes, self.block_draw),
            self.seed,
            self.steps,
            class_share()[0],
        )
        everywhere = classes + self.first_class
        is_class = None
        if self.num_sampled < self._all_blocks * self.block_draw:
            is_class = everywhere < self.num_classes
        is_drawn = None
        if self.blocks > 1:
            is_drawn = sum_of_classes(ops.cast(places >= 0, "float32")) > 0
        if not training:
            values = ops.take(self.current(), self._rows_of(classes), axis=0)
            return Seen(values, places, is_class, everywhere, is_drawn)
        self._apply_gradient()
        self.drawn.assign(everywhere)
        self.steps.assign(self.steps + 1)
        gradient = ops.convert_to_tensor(self.gradient)
        values = take_rows(self.kernel, self._rows_of(classes), self._blocks_of_rows)
        # Adds zero; the derivative with respect to `row_gradient` is that of the rows.
        values = values + (gradient - ops.stop_gradient(gradient))
        return Seen(values, places, is_class, everywhere, is_drawn)

    @property
    def _blocks_of_rows(self) -> int:
        """In how many blocks the devices of one program may look for rows."""
        return self.blocks_here if self.by_class else 1

    def _rows_of(self, classes: Tensor) -> Tensor:
        """The kernel's rows of some classes, counted from the first class here."""
        if not self.by_class:
            starts = range(0, self.sub_centers * self.num_classes, self.num_classes)
            return ops.concatenate([classes + start for start in starts])
        centers = ops.arange(self.sub_centers, dtype="int32")
        return ops.reshape(classes[:, None] * self.sub_centers + centers, (-1,))

    def current(self) -> Tensor:
        """The kernel with the last step's gradient applied; a copy."""
        rows, values, _, _ = self._updated()
        return ops.scatter_update(ops.convert_to_tensor(self.kernel), rows[:, None], values)

    def _apply_gradient(self) -> None:
        rows, values, velocity, mark = self._updated()
        is_new = self._is_new(mark)
        assign_rows(self.kernel, rows, values, self._blocks_of_rows)
        assign_rows(self.velocity, rows, velocity, self._blocks_of_rows)
        self.updates.assign(self.updates + ops.cast(is_new, "int32"))
        self.applied.assign(mark)

    def _updated(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The last step's rows, their new values and momentum, and the gradient's mark."""
        rows = self._rows_of(ops.convert_to_tensor(self.drawn) - self.first_class)
        gradient = ops.stop_gradient(ops.convert_to_tensor(self.gradient))
        values = take_rows(self.kernel, rows, self._blocks_of_rows)
        velocity = take_rows(self.velocity, rows, self._blocks_of_rows)
        new_values, new_velocity = self.optimizer.updated(
            values, velocity, gradient, ops.convert_to_tensor(self.updates)
        )
        mark = max_of_classes(ops.stack([ops.max(gradient), -ops.min(gradient)]))
        is_new = self._is_new(mark)
        values = ops.where(is_new, new_values, values)
        return rows, values, ops.where(is_new, new_velocity, velocity), mark

    def _is_new(self, mark: Tensor) -> Tensor:
        """Whether the gradient has come since the last one was applied.

        Extremes are exact whatever the order of summation, so they tell gradients apart.
        """
        return ops.any(ops.not_equal(mark, ops.convert_to_tensor(self.applied)))


def _blocks(num_classes: int, num_sampled: int) -> int:
    """In how many blocks classes are drawn: a power of two, so that devices share them equally."""
    blocks = MOST_BLOCKS
    while blocks > 1:
        last = num_classes - (blocks - 1) * -(-num_classes // blocks)
        draw = -(-num_sampled // blocks)
        if draw >= SMALLEST_DRAW and last >= draw:
            break
        blocks //= 2
    return blocks


def sample_classes(
    labels: Tensor,
    num_classes: int,
    blocks: tuple[int, int, int],
    seed: int,
    step: Tensor,
    share: int = 0,
) -> tuple[Tensor, Tensor]:
    """All classes of a batch and random others, as many of each block of classes.

    Args:
        labels: int32 `(batch,)`; -1 stands for no class.
        num_classes: how many classes there are; those beyond are drawn where none is left.
        blocks: how many blocks, classes of each, and how many of them to draw: at least as
            many as the batch may have.
        seed: any integer.
        step: integer scalar; the same seed and step give the same classes anywhere.
        share: how many times as many classes come before these; their numbers are not counted.

    Returns:
        The classes, ascending, int32 `(blocks * drawn,)`; and the place of each label among
        them, int32 `(batch,)`, -1 where the label is, or its class was not drawn because its
        block had more classes of the batch than are drawn.
    """
    count, size, drawn = blocks
    keys = counted_uniform((count * size,), seed, step, share)
    if num_classes < count * size:
        keys = ops.where(ops.arange(count * size, dtype="int32") < num_classes, keys, -1.0)
    keys = marked(ops.reshape(keys, (count, size)), labels, 2.0)
    within = largest_columns(keys, drawn)
    starts = ops.arange(count, dtype="int32")[:, None] * size
    classes = ops.reshape(within + starts, (-1,))
    return classes, place_among(classes, labels)
