"""Which sample comes when: pure functions of (seed, batch), for any number of threads."""

from collections.abc import Callable

import numpy as np

from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError

_IMAGES, _CLASSES = 1, 2  # keep the two kinds of permutations apart


class EachOnce:
    """Each epoch is a seeded permutation of all samples; batches go on across its end.

    Args:
        source: where the samples are.
        batch_size: samples in a batch.
        seed: decides the order.
    """

    def __init__(self, source: Source, batch_size: int, seed: int):
        self.size, self.batch_size, self.seed = len(source), batch_size, seed
        self._epochs = _Last(self._permutation)

    def batch(self, batch: int) -> np.ndarray:
        """The places in the source of a batch's samples, `(batch_size,)`."""
        epochs, within = np.divmod(
            np.arange(batch * self.batch_size, (batch + 1) * self.batch_size), self.size
        )
        places = [self._epochs(int(e))[w] for e, w in zip(epochs, within, strict=True)]
        return np.array(places, dtype=np.int64)

    def _permutation(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch]).permutation(self.size)


class ClassBalanced:
    """Each batch has `images_per_class` images of each of its classes.

    Classes come in seeded permutations, of which the rest that does not fill a
    batch is left out; so no class is twice in a batch, and all come equally often
    in the long run. A class gives its images in seeded permutations of its own;
    one with fewer images than are asked for repeats them.

    Args:
        source: where the samples are.
        batch_size: samples in a batch, a multiple of `images_per_class`.
        seed: decides the order.
        images_per_class: images of a class in a batch.

    Raises:
        ValueError: if the batch is no multiple.
        UserError: if the source has too few classes.
    """

    def __init__(self, source: Source, batch_size: int, seed: int, images_per_class: int):
        if batch_size % images_per_class:
            raise ValueError(
                f"`batch_size` must be a multiple of `images_per_class`. Received: "
                f"batch_size={batch_size}, images_per_class={images_per_class}"
            )
        self.seed, self.images_per_class = seed, images_per_class
        self.classes_per_batch = batch_size // images_per_class
        self.members = _members(np.asarray(source.labels))
        if len(self.members) < self.classes_per_batch:
            raise UserError(
                f"A batch of {batch_size} images with {images_per_class} of each class needs "
                f"{self.classes_per_batch} classes; the training data have {len(self.members)}. "
                "Lower train.batch_size or raise train.images_per_class."
            )
        self._rounds = _Last(self._classes)

    def batch(self, batch: int) -> np.ndarray:
        """The places in the source of a batch's samples, `(batch_size,)`."""
        batches = len(self.members) // self.classes_per_batch  # of a permutation of the classes
        turn, within = divmod(batch, batches)
        first = within * self.classes_per_batch
        chosen = self._rounds(turn)[first : first + self.classes_per_batch]
        return np.concatenate([self._some(int(name), turn) for name in chosen])

    def _some(self, name: int, turn: int) -> np.ndarray:
        """A class's images in a turn, each other than the rest as far as there are enough."""
        wanted, size = self.images_per_class, len(self.members[name])
        cycle, within = divmod(turn, max(1, size // wanted))
        order = self._rng(name, cycle, _IMAGES).permutation(self.members[name])
        return np.resize(order[within * wanted :], wanted)

    def _classes(self, turn: int) -> np.ndarray:
        return self._rng(0, turn, _CLASSES).permutation(len(self.members))

    def _rng(self, name: int, turn: int, kind: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, name, turn, kind])


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """The places of each class that has any."""
    by_label = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[by_label])) + 1
    return np.split(by_label, starts)


class _Last:
    """A function's values for the last few numbers; threads that lag still find theirs.

    Args:
        function: from a number, which mostly grows, to its value.
    """

    def __init__(self, function: Callable[[int], np.ndarray]):
        self.function = function
        self.values: dict[int, np.ndarray] = {}

    def __call__(self, number: int) -> np.ndarray:
        value = self.values.get(number)
        if value is None:
            value = self.function(number)
            self.values = {n: v for n, v in self.values.items() if n >= number - 2}
            self.values[number] = value
        return value
