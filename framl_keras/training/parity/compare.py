"""Whether runs that began alike went on alike: plain NumPy, and no backend."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LOSS_BOUND = 1e-3
GRADIENT_BOUND = 1e-4

Arrays = Mapping[str, np.ndarray]


class Difference(NamedTuple):
    """The largest difference between two runs' tensors of one kind.

    Attributes:
        size: how large; see `Parity` for in what unit.
        where: the tensor's name.
    """

    size: float
    where: str


class Parity(NamedTuple):
    """How far a run went from the first one.

    Attributes:
        losses: relative difference of each step's loss.
        gradient: of the first step's gradients, relative to the largest gradient of the model.
        weight: of the weights and optimizer states at the end, absolute.
        start: of what both began with, absolute: weights, pixels and labels.
    """

    losses: np.ndarray
    gradient: Difference
    weight: Difference
    start: Difference

    @property
    def parts_at(self) -> int | None:
        """The first step, from 1, whose loss is out of bounds."""
        beyond = np.flatnonzero(~(self.losses <= LOSS_BOUND))
        return int(beyond[0]) + 1 if beyond.size else None

    @property
    def holds(self) -> bool:
        """Whether they began alike and stayed within the bounds."""
        alike = self.start.size == 0.0 and self.gradient.size <= GRADIENT_BOUND
        return alike and self.parts_at is None


def compare(first: Arrays, other: Arrays) -> Parity:
    """Compares what `parity_run.first_steps` gave for two runs of one recipe.

    Example:
    >>> steps = {"loss": np.array([2.0, 1.0])}
    >>> compare(steps, {"loss": np.array([2.0, 1.1])}).parts_at
    2
    """
    gradients = [array for name, array in first.items() if name.startswith("gradient/")]
    scale = max((float(np.abs(array).max()) for array in gradients), default=0.0)
    gradient = _largest(first, other, "gradient/")
    return Parity(
        np.abs(other["loss"] - first["loss"]) / np.abs(first["loss"]),
        Difference(gradient.size / (scale or 1.0), gradient.where),
        _largest(first, other, "end/"),
        _largest(first, other, "start/"),
    )


def _largest(first: Arrays, other: Arrays, prefix: str) -> Difference:
    """The largest absolute difference among the tensors under a prefix."""
    names = sorted(name for name in {*first, *other} if name.startswith(prefix))
    differences = [Difference(_between(first, other, name), name) for name in names]
    largest = max(differences, default=Difference(0.0, ""))
    return Difference(largest.size, largest.where.removeprefix(prefix))


def _between(first: Arrays, other: Arrays, name: str) -> float:
    """How far two tensors of one name are apart; infinitely, if one isn't there or is NaN."""
    if name not in first or name not in other or first[name].shape != other[name].shape:
        return float("inf")
    left, right = (np.asarray(arrays[name], dtype=np.float64) for arrays in (first, other))
    distance = float(np.abs(left - right).max(initial=0.0))
    return float("inf") if np.isnan(distance) else distance
