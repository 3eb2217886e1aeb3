"""One order: batch `b` of a run is a pure function of (seed, `b`), on any number of threads."""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator

import cv2
import grain
import numpy as np

from framl_keras.data.augment import (
    Augment,
    Scratch,
    Variation,
    render,
    uniforms,
    variations,
)
from framl_keras.data.order import ClassBalanced, EachOnce
from framl_keras.data.policies import Policy
from framl_keras.data.sources.source import Sample, Source
from framl_keras.data.transforms import decode, to_gray
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.types import fits_in, sides

THREADS = 4
_ATTEMPTS = 100
_AT_ONCE = 64  # samples that are asked for together

log = logging.getLogger(__name__)


class TrainingBatches:
    """The endless run of a source's training batches, by random access.

    Sample `i` of the run comes from epoch `i // len(source)`, each epoch being
    a seeded permutation; its augmentation depends on (seed, `i`) alone. Batches
    go on across the end of an epoch, so no sample is left out. With
    `images_per_class` batches are balanced instead, see `ClassBalanced`.

    Args:
        source: where the samples are.
        batch_size: samples in a batch.
        view: how images are seen.
        options: how images are augmented.
        seed: decides the order and the augmentation.
        on_error: `raise` stops at a sample that cannot be read; `skip` takes another
            one in its place, chosen by (seed, `i`), and notes it in `skipped`.
        images_per_class: images of each class of a batch; None for each image once an epoch.
        policy: what varies the images further, after `options`.
        rows: of each batch, those that are read; None for all.

    Raises:
        ValueError: if the images are to be larger than `options.resize_to`, the policy is
            for another size, or `batch_size` is no multiple of `images_per_class`.
        UserError: if there are too few classes for balanced batches.
    """

    def __init__(
        self,
        source: Source,
        batch_size: int,
        view: View,
        options: Augment,
        seed: int = 0,
        on_error: str = "raise",
        images_per_class: int | None = None,
        policy: Policy | None = None,
        rows: slice | None = None,
    ):
        size = view.size
        if not fits_in(size, options.resize_to):
            raise ValueError(
                f"`view.size` must be at most `options.resize_to`, from which it is cropped. "
                f"Received: size={size}, resize_to={options.resize_to}"
            )
        if policy is not None and sides(policy.size) != sides(size):
            raise ValueError(
                f"`policy` must be for images of `size`. Received: size={size}, "
                f"policy.size={policy.size}"
            )
        self.source, self.batch_size, self.view = source, batch_size, view
        self.options, self.seed = options, seed
        self.on_error, self.policy = on_error, policy
        self.rows = range(batch_size)[rows or slice(None)]
        self._skips: list[str] = []  # appending is safe from several threads
        self._warned: set[str] = set()
        if images_per_class is None:
            self.order: EachOnce | ClassBalanced = EachOnce(source, batch_size, seed)
        else:
            self.order = ClassBalanced(source, batch_size, seed, images_per_class)

    def __len__(self) -> int:
        return 2**61 // self.batch_size  # Grain wants a length; a run does not end by itself

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """The pixels, uint8 `(rows, height, width, channels)`, and labels, int32 `(rows,)`."""
        first, count = int(batch) * self.batch_size + self.rows.start, len(self.rows)
        images = np.empty((count, *sides(self.view.size), 3), dtype=np.uint8)
        labels = np.empty(count, dtype=np.int32)
        drawn = uniforms(self.seed, first, count)
        wanted = list(variations(drawn, self.view, self.options))
        scratch = Scratch(self.view, self.options.resize_to)
        positions = self.order.batch(int(batch))[self.rows.start : self.rows.stop]
        for start in range(0, count, _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, count))
            samples = self.source.several([int(positions[row]) for row in rows])
            for row, sample in zip(rows, samples, strict=True):
                labels[row] = self._fill(images[row], first + row, sample, wanted[row], scratch)
        if self.policy is not None:
            self.policy(images, self.seed, first)
        return (to_gray(images) if self.view.channels == 1 else images), labels

    @property
    def skipped(self) -> dict[str, int]:
        """What could not be read so far, batches read ahead included, and how often it was met."""
        return dict(Counter(self._skips))

    def report_skipped(self) -> None:
        """Logs how many images could not be read, if any."""
        skipped = self.skipped
        if skipped:
            log.warning(
                "%d images could not be read and were replaced %d times; "
                "framl-keras data check lists them.",
                len(skipped),
                sum(skipped.values()),
            )

    def _fill(
        self,
        out: np.ndarray,
        index: int,
        sample: Sample | UserError,
        shown: Variation,
        scratch: Scratch,
    ) -> int:
        """Draws sample `index` of the run into `out` and returns its label."""
        message = ""
        for attempt in range(_ATTEMPTS):
            try:
                if isinstance(sample, UserError):
                    raise sample
                render(decode(sample, scratch.decoded), shown, scratch, out)
                return sample.label
            except UserError as error:
                if self.on_error == "raise":
                    raise
                message = str(error)
                self._note(message)
                (sample,) = self.source.several([self._another(index, attempt)])
        raise UserError(f"{_ATTEMPTS} samples in a row cannot be read, the last: {message}")

    def _another(self, index: int, attempt: int) -> int:
        """The sample that is tried in place of one that cannot be read."""
        rng = np.random.default_rng([self.seed, index, attempt])
        return int(rng.integers(len(self.source)))

    def _note(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            log.warning("Another image is taken in place of one that cannot be read: %s", message)
        self._skips.append(message)


def training_stream(
    batches: TrainingBatches, start_step: int = 0, threads: int = THREADS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Streams `(images, labels)` from batch `start_step` on, prefetched by threads."""
    with one_thread_each():
        yield from training_dataset(batches, start_step, threads)


def training_dataset(
    batches: TrainingBatches, start_step: int = 0, threads: int = THREADS
) -> grain.IterDataset:
    """What `training_stream` reads, as Grain has it."""
    dataset = grain.MapDataset.source(batches)[start_step:]
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
    return dataset.to_iter_dataset(options)


class _Setting:
    """OpenCV's number of threads, and who wants it to be one."""

    def __init__(self) -> None:
        self._lock, self._users, self._usual = threading.Lock(), 0, 0

    def begin(self) -> None:
        with self._lock:
            if not self._users:
                self._usual = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                cv2.setNumThreads(self._usual)


_setting = _Setting()


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """While the block runs, OpenCV starts no threads; the last one to leave sets them back.

    For blocks that read images with threads of their own, each of which keeps to one core.
    """
    _setting.begin()
    try:
        yield
    finally:
        _setting.end()
