"""One order: batch `b` of a run is a pure function of (seed, `b`), on any number of threads."""

from collections.abc import Sequence

import grain
import numpy as np

from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.transforms import Augment, augment, decode, view

THREADS = 4


class TrainingBatches:
    """The endless run of a source's training batches, by random access.

    Sample `i` of the run comes from epoch `i // len(source)`, each epoch being
    a seeded permutation; its augmentation depends on (seed, `i`) alone. Batches
    go on across the end of an epoch, so no sample is left out.

    Args:
        source: where the samples are.
        batch_size: samples in a batch.
        size: side of the images in pixels.
        options: how images are augmented.
        seed: decides the order and the augmentation.
        crop_centre: see `augment`.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        size: int,
        options: Augment,
        seed: int = 0,
        crop_centre: bool = False,
    ):
        self.source, self.batch_size, self.size = source, batch_size, size
        self.options, self.seed, self.crop_centre = options, seed, crop_centre
        self._orders: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return 2**62 // self.batch_size  # Grain wants a length; a run does not end by itself

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """The pixels, uint8 `(batch_size, size, size, 3)`, and labels, int32 `(batch_size,)`."""
        first = int(batch) * self.batch_size
        images = np.empty((self.batch_size, self.size, self.size, 3), dtype=np.uint8)
        labels = np.empty(self.batch_size, dtype=np.int32)
        for row in range(self.batch_size):
            sample = self.source[self._position(first + row)]
            images[row] = self._augmented(sample, first + row)
            labels[row] = sample.label
        return images, labels

    def _augmented(self, sample: Sample, index: int) -> np.ndarray:
        rng = np.random.Generator(np.random.Philox(key=[self.seed, index]))
        return augment(decode(sample), self.size, self.options, rng, self.crop_centre)

    def _position(self, index: int) -> int:
        """Which of the source's samples is number `index` of the run."""
        epoch, within = divmod(index, len(self.source))
        return int(self._order(epoch)[within])

    def _order(self, epoch: int) -> np.ndarray:
        """The permutation of an epoch; the last few stay in memory for threads that lag."""
        order = self._orders.get(epoch)
        if order is None:
            rng = np.random.default_rng([self.seed, epoch])
            order = rng.permutation(len(self.source))
            self._orders = {e: o for e, o in self._orders.items() if e >= epoch - 2}
            self._orders[epoch] = order
        return order


def training_dataset(
    batches: TrainingBatches, start_step: int = 0, threads: int = THREADS
) -> grain.IterDataset:
    """Streams `(images, labels)` from batch `start_step` on, prefetched by threads."""
    dataset = grain.MapDataset.source(batches)[start_step:]
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    return dataset.to_iter_dataset(options)


def verification_dataset(
    samples: Sequence[Sample],
    batch_size: int,
    size: int,
    crop_centre: bool = False,
    threads: int = THREADS,
) -> grain.IterDataset:
    """Streams the samples' pixels in order, uint8 `(≤ batch_size, size, size, 3)`."""
    dataset = (
        grain.MapDataset.source(samples)
        .map(lambda sample: view(decode(sample), size, crop_centre))
        .batch(batch_size)
    )
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    return dataset.to_iter_dataset(options)
