"""Classes in blocks, one after another, so that one block's logits are there at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from framl_keras.ops.backend import (
    after,
    class_shards,
    class_share,
    in_turn,
    pullback,
    rows_in_turn,
)
from framl_keras.ops.class_columns import ABSENT, larger

Tensor = Any


class Block(NamedTuple):
    """As many classes of each device that has a share of a program's classes.

    Attributes:
        first: the first of each share, counted within it; an integer, or a scalar in a graph.
        new: the first that is in no earlier block: the last block may overlap the one before.
        size: how many classes.
        share: of how many.
    """

    first: Tensor
    new: Tensor
    size: int
    share: int

    def places(self, places: Tensor) -> Tensor:
        """Places among all classes as places among those of the block, -1 where it has them not.

        Args:
            places: int32 `(batch,)`; -1 for none.
        """
        share, within = places // self.share, places % self.share
        is_here = ops.logical_and(within >= self.new, within < self.first + self.size)
        here = share * self.size + within - self.first
        return ops.where(ops.logical_and(is_here, places >= 0), here, -1)

    def is_class(self, is_class: Tensor | None) -> Tensor | None:
        """Which of its classes count, bool `(n,)`; None for all.

        Args:
            is_class: which of all do, bool `(classes,)`; None for all.
        """
        even = self.share % self.size == 0
        if even and is_class is None:
            return None
        is_new = (self.first + ops.arange(self.size, dtype="int32") >= self.new)[None]
        if is_class is None:
            is_class = ops.ones((class_shards() // class_share()[1] * self.share,), "bool")
        shares = ops.reshape(is_class, (-1, self.share))
        part = ops.slice(shares, (0, self.first), (shares.shape[0], self.size))
        return ops.reshape(ops.logical_and(part, is_new), (-1,))


class Layout(NamedTuple):
    """How a kernel's rows lie, `(lead, share, inner)`: those of a block are a part of `share`.

    Attributes:
        lead: shares, or sub-centers that come one after another.
        share: classes.
        inner: sub-centers of a class that lie beside each other.
    """

    lead: int
    share: int
    inner: int

    def split(self, rows: Tensor) -> Tensor:
        """Rows `(n, dim)` as `(lead, classes, inner * dim)`."""
        return ops.reshape(rows, (self.lead, -1, self.inner * rows.shape[1]))

    def rows_of(self, rows: Tensor, block: Block) -> Tensor:
        """A block's rows, `(n, dim)`, in the same layout."""
        split = self.split(rows)
        part = ops.slice(split, (0, block.first, 0), (self.lead, block.size, split.shape[2]))
        return ops.reshape(part, (-1, rows.shape[1]))


def layout_of(rows: int, sub_centers: int, by_class: bool) -> Layout:
    """How so many rows lie: a class' sub-centers together where devices share classes."""
    if not by_class:
        return Layout(sub_centers, rows // sub_centers, 1)
    shares = class_shards() // class_share()[1]  # of this program
    return Layout(shares, rows // sub_centers // shares, sub_centers)


def in_blocks(
    of_block: Callable[[Tensor, Tensor, Tensor, Block], Tensor],
    units: Tensor,
    rows: Tensor,
    own: Tensor,
    layout: Layout,
    count: int,
) -> Tensor:
    """What `of_block` says of blocks of classes, summed up over all of them.

    Forwards and backwards one block's arrays of shape `(batch, classes)` are there at a time:
    the gradient computes each block again.

    Args:
        of_block: gives three numbers a row, `(3, batch)`: the logarithm of a sum of
            exponentials, a sum, and a largest value, which has no gradient.
        units: embeddings of length 1, `(batch, dim)`.
        rows: centers, `(rows, dim)`.
        own: the cosine to each row's own class, `(batch,)`.
        layout: of `rows`.
        count: of blocks.

    Returns:
        `(3, batch)`.
    """
    size = -(-layout.share // min(count, layout.share))
    blocks = _Blocks(of_block, layout, size)

    def forward(units: Tensor, rows: Tensor, own: Tensor) -> tuple[Tensor, Any]:
        sums = blocks.values(units, rows, own)
        held = [units, rows, own]

        def backward(*arguments: Tensor, upstream: Tensor = None) -> tuple[Tensor, Tensor, Tensor]:
            if upstream is None:
                (upstream,), arguments = arguments, tuple(held)
            else:  # Torch hands the inputs back
                held.clear()
            units, rows, own = arguments
            return blocks.gradients(after(units, sums), rows, own, sums, upstream)

        return sums, backward

    sums: Tensor = ops.custom_gradient(forward)(units, rows, own)
    return sums


class _Blocks(NamedTuple):
    """What is computed of each block, and which blocks there are."""

    of_block: Callable[[Tensor, Tensor, Tensor, Block], Tensor]
    layout: Layout
    size: int

    @property
    def turns(self) -> int:
        return -(-self.layout.share // self.size)

    def values(self, units: Tensor, rows: Tensor, own: Tensor) -> Tensor:
        """Of all blocks together, `(3, batch)`."""

        def add(first: Tensor, new: Tensor, sums: Tensor) -> Tensor:
            block = Block(first, new, self.size, self.layout.share)
            rows_here = self.layout.rows_of(rows, block)
            return _both(sums, self.of_block(after(units, sums), rows_here, own, block))

        none = ops.stack([ops.full_like(own, ABSENT), ops.zeros_like(own), ops.full_like(own, -1)])
        sums: Tensor = in_turn(self.turns, self.size, self.layout.share, add, none)
        return sums

    def gradients(
        self, units: Tensor, rows: Tensor, own: Tensor, totals: Tensor, upstream: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of `units`, `rows` and `own`, from those of `totals`."""

        def add(first: Tensor, new: Tensor, sums: Any) -> Any:
            block = Block(first, new, self.size, self.layout.share)

            def of_this(units: Tensor, rows: Tensor, own: Tensor) -> Tensor:
                return self.of_block(units, rows, own, block)

            given = after(units, sums[0]), self.layout.rows_of(rows, block), own
            part, back = pullback(of_this, given)
            weight = ops.exp(part[0] - totals[0])
            to_units, to_rows, to_own = back(
                ops.stack([weight * upstream[0], upstream[1], ops.zeros_like(upstream[2])])
            )
            return (sums[0] + to_units, sums[1] + to_own), self.layout.split(to_rows)

        none, split = (ops.zeros_like(units), ops.zeros_like(own)), self.layout.split(rows)
        size, share = self.size, self.layout.share
        (to_units, to_own), to_rows = rows_in_turn(self.turns, size, share, add, none, split)
        return to_units, ops.reshape(to_rows, rows.shape), to_own


def _both(some: Tensor, others: Tensor) -> Tensor:
    """What two blocks say together."""
    largest = larger(some[0], others[0])
    sums = ops.exp(some[0] - largest) + ops.exp(others[0] - largest)
    return ops.stack([largest + ops.log(sums), some[1] + others[1], larger(some[2], others[2])])
