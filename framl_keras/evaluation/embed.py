"""From images to unit vectors: streamed, mirror-fused, and compiled for few shapes."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grain
import numpy as np
from tqdm import tqdm

from framl_keras.data.decode import decode
from framl_keras.data.parts import Part
from framl_keras.data.sources import Images
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.processes import ALONE, Processes, agree

BATCH_SIZE = 64
THREADS = 4
TITLE = "embedding"


class Embedded(NamedTuple):
    """The embeddings of a set of images and what passing over them told.

    Attributes:
        embeddings: float32 `(num_images, dim)`.
        identities: int64 `(num_images,)`, the samples' labels; -1 where unknown.
        fingerprint: a hash of all images' bytes, in order.
        hashes: of each image's bytes, uint8 `(num_images, 16)`; None where there are none.
    """

    embeddings: np.ndarray
    identities: np.ndarray
    fingerprint: str
    hashes: np.ndarray | None = None


class _Views:
    """Random access to (pixels as verification sees them, label, hash of the image).

    Args:
        samples: the images.
        rows: which of them, one after another.
        view: how they are seen.
        unreadable: takes what is wrong with an image, in whose place zeros stand; None
            where that is an error.
    """

    def __init__(self, samples: Images, rows: range, view: View, unreadable: dict[int, str] | None):
        self.samples, self.rows, self.view = samples, rows, view
        self.unreadable = unreadable

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> tuple[np.ndarray, int, np.ndarray]:
        index = self.rows[int(at)]
        try:
            sample = self.samples[index]
            pixels = self.view.pixels(decode(sample))
        except UserError as error:
            if self.unreadable is None:
                raise
            self.unreadable[index] = str(error)
            return np.zeros(self.view.shape, np.uint8), -1, np.zeros(16, np.uint8)
        encoded = sample.image if isinstance(sample.image, bytes) else sample.image.tobytes()
        digest = hashlib.blake2b(encoded, digest_size=16).digest()
        return pixels, sample.label, np.frombuffer(digest, dtype=np.uint8)


def embed(
    model: Any,
    samples: Images,
    view: View,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
    fused: bool = True,
    normalize: bool = True,
    processes: Processes = ALONE,
) -> np.ndarray:
    """Embeds images: the model's output plus that of the mirror image, at length one.

    This is what verification, thresholds and galleries are about.

    Images are read by threads and passed on in batches, so memory does not
    depend on how many there are.

    Args:
        model: a Keras model from RGB pixels `(batch, height, width, 3)` to
            `(batch, dim)`.
        samples: the images.
        view: how the model sees images.
        batch_size: images at a time; batches are filled up to a few fixed sizes, so
            that the model is compiled for few shapes.
        progress: shows a bar with images per second.
        fused: adds the mirror image's output; without, the vector is the model's own.
        normalize: scales the vectors to length one; a zero vector stays zero.
        processes: each embeds its share, and gets all of the vectors.

    Returns:
        float32 `(num_images, dim)`.

    Raises:
        UserError: if an image cannot be decoded or its embedding is not finite; it
            names the image.

    Example:
    >>> embed(model, images, View(112)).shape  # doctest: +SKIP
    (13233, 512)
    """
    function = (mirror_fused if fused else not_fused)(model, batch_size)
    rows = embed_with(
        function, samples, view, batch_size, progress, normalize=normalize, processes=processes
    )
    return rows.embeddings


def mirror_fused(model: Any, batch_size: int = BATCH_SIZE) -> Callable[[np.ndarray], np.ndarray]:
    """A function `f(x) + f(mirrored x)`, not normalized, that calls the model with few shapes.

    The model sees the images and their mirror images as one batch.
    """

    def function(pixels: np.ndarray) -> np.ndarray:
        count, size = len(pixels), fixed_size(len(pixels), batch_size)
        batch = np.zeros((2 * size, *pixels.shape[1:]), dtype=pixels.dtype)
        batch[:count], batch[size : size + count] = pixels, pixels[:, :, ::-1]
        output = np.asarray(model.predict_on_batch(batch), dtype=np.float32)
        return output[:count] + output[size : size + count]

    return function


def not_fused(model: Any, batch_size: int = BATCH_SIZE) -> Callable[[np.ndarray], np.ndarray]:
    """The model alone as a function `f(x)` that calls it with few shapes."""

    def function(pixels: np.ndarray) -> np.ndarray:
        count, size = len(pixels), fixed_size(len(pixels), batch_size)
        batch = np.zeros((size, *pixels.shape[1:]), dtype=pixels.dtype)
        batch[:count] = pixels
        return np.asarray(model.predict_on_batch(batch), dtype=np.float32)[:count]

    return function


def fixed_size(count: int, batch_size: int = BATCH_SIZE) -> int:
    """How many rows a batch of `count` is filled up to: 1, 8, 64, ... or `batch_size`.

    A model is compiled for each shape, so there are few; and it works on every row, so
    there are less than eight times as many as asked for.
    """
    size = 1
    while size < count:
        size *= 8
    return max(count, min(size, batch_size))


def embed_with(
    function: Callable[[np.ndarray], np.ndarray],
    samples: Images,
    view: View,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
    title: str = TITLE,
    normalize: bool = True,
    processes: Processes = ALONE,
) -> Embedded:
    """Passes images through any function from pixels to vectors, and normalizes these.

    Args:
        function: uint8 `(n, height, width, channels)` to `(n, dim)`, for n up to `batch_size`.
        samples: see `embed`, as are the other arguments.
        view: how images are seen.
        batch_size: images at a time.
        progress: shows a bar with images per second.
        title: of the bar.
        normalize: whether the vectors get length one.
        processes: each embeds its share; the answer is that of one process, in all of them.

    Raises:
        UserError: see `embed`; also if there are no images.
    """
    if not len(samples):
        raise UserError("No images to embed. Expected one at least.")
    share = Part(processes.process + 1, processes.processes).within(len(samples), batch_size)
    rows, error = range(len(samples))[share], None
    processed = Rows.none()
    with bar_of(len(rows), title, progress and processes.writes) as bar:
        try:
            fill = len(samples) > batch_size
            processed = embed_rows(
                function, samples, rows, view, batch_size, bar, normalize, fill=fill
            )
        except UserError as raised:
            error = raised
    agree(processes, error)
    embeddings, identities, hashes = (np.concatenate(processes.all_of(each)) for each in processed)
    fingerprint = hashlib.blake2b(hashes.tobytes(), digest_size=16).hexdigest()
    return Embedded(embeddings, identities, fingerprint, hashes)


def bar_of(images: int | None, title: str = TITLE, progress: bool = True) -> Any:
    """A bar with images per second; None where nobody knows how many there are."""
    return tqdm(total=images, desc=title, unit="image", disable=not progress, leave=False)


class Rows(NamedTuple):
    """What was found of some images: see `Embedded`."""

    embeddings: np.ndarray
    identities: np.ndarray
    hashes: np.ndarray

    @classmethod
    def none(cls) -> "Rows":
        """Of no images."""
        return cls(np.empty((0, 0), np.float32), np.empty(0, np.int64), np.empty((0, 16), np.uint8))


def embed_rows(
    function: Callable[[np.ndarray], np.ndarray],
    samples: Images,
    rows: range,
    view: View,
    batch_size: int,
    bar: Any,
    normalize: bool = True,
    unreadable: dict[int, str] | None = None,
    fill: bool = True,
) -> Rows:
    """The vectors of some of the images.

    Args:
        function: see `embed_with`.
        samples: the images.
        rows: which of them; they begin at a whole batch.
        view: how they are seen.
        batch_size: images at a time.
        bar: is moved on.
        normalize: whether vectors get length one.
        unreadable: takes what is wrong with an image that cannot be read, whose row is zeros;
            None where that is an error.
        fill: whether every batch is filled up, so that a model is compiled for one shape, and a
            row's numbers don't depend on where a list ends.
    """
    if not len(rows):
        return Rows.none()
    done = 0
    embeddings = np.empty((0, 0), dtype=np.float32)
    identities = np.empty(len(rows), dtype=np.int64)
    all_hashes = np.empty((len(rows), 16), dtype=np.uint8)
    for pixels, labels, hashes in _stream(_Views(samples, rows, view, unreadable), batch_size):
        vectors = function(_filled_up(pixels, batch_size) if fill else pixels)[: len(pixels)]
        here = rows[done : done + len(pixels)]
        if unreadable:
            vectors = np.where([[index in unreadable] for index in here], 0, vectors)
        _check_finite(vectors, samples, here)
        if not done:
            embeddings = np.empty((len(rows), vectors.shape[1]), dtype=np.float32)
        place = slice(done, done + len(vectors))
        embeddings[place] = l2_normalized(vectors) if normalize else vectors
        identities[place], all_hashes[place] = labels, hashes
        done += len(vectors)
        bar.update(len(vectors))
    return Rows(embeddings, identities, all_hashes)


def _filled_up(pixels: np.ndarray, rows: int) -> np.ndarray:
    """Pixels `(n, ...)` with zeros after them, `(rows, ...)`."""
    missing = rows - len(pixels)
    if not missing:
        return pixels
    return np.concatenate([pixels, np.zeros((missing, *pixels.shape[1:]), pixels.dtype)])


def l2_normalized(vectors: np.ndarray) -> np.ndarray:
    """The vectors at length one, `(n, dim) -> (n, dim)`; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _stream(views: _Views, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Batches of pixels, labels and image hashes, read ahead by threads, in order."""
    dataset = grain.MapDataset.source(views).batch(batch_size)
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=THREADS)
    yield from dataset.to_iter_dataset(options)


def _check_finite(vectors: np.ndarray, samples: Images, rows: range) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise UserError(
            f"{samples[rows[int(bad[0])]].key}: its embedding is not finite. Expected numbers; "
            "look at this image, or at the training if all are so."
        )
