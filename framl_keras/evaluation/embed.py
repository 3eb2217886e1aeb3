"""From images to unit vectors: streamed, mirror-fused, and compiled for few shapes."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grain
import numpy as np
from tqdm import tqdm

from framl_keras.data.decode import decode
from framl_keras.data.sources import Images
from framl_keras.data.view import View
from framl_keras.errors import UserError

BATCH_SIZE = 64
THREADS = 4


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
    """Random access to (pixels as verification sees them, label, hash of the image)."""

    def __init__(self, samples: Images, view: View):
        self.samples, self.view = samples, view

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int, np.ndarray]:
        sample = self.samples[int(index)]
        pixels = self.view.pixels(decode(sample))
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
    found = embed_with(function, samples, view, batch_size, progress, normalize=normalize)
    return found.embeddings


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
    title: str = "embedding",
    normalize: bool = True,
) -> Embedded:
    """Passes images through any function from pixels to vectors, and normalizes these.

    After a full batch the last one is filled up: a model need not be compiled for it.

    Args:
        function: uint8 `(n, height, width, channels)` to `(n, dim)`, for n up to `batch_size`.
        samples: see `embed`, as are the other arguments.
        view: how images are seen.
        batch_size: images at a time.
        progress: shows a bar with images per second.
        title: of the bar.
        normalize: whether the vectors get length one.

    Raises:
        UserError: see `embed`; also if there are no images.
    """
    if not len(samples):
        raise UserError("No images to embed. Expected one at least.")
    identities = np.empty(len(samples), dtype=np.int64)
    embeddings = np.empty((0, 0), dtype=np.float32)
    all_hashes = np.empty((len(samples), 16), dtype=np.uint8)
    done = 0
    bar = tqdm(total=len(samples), desc=title, unit="image", disable=not progress, leave=False)
    with bar:
        for pixels, labels, hashes in _stream(samples, view, batch_size):
            vectors = function(_filled_up(pixels, batch_size) if done else pixels)[: len(pixels)]
            _check_finite(vectors, samples, done)
            if not done:
                embeddings = np.empty((len(samples), vectors.shape[1]), dtype=np.float32)
            rows = slice(done, done + len(vectors))
            embeddings[rows] = l2_normalized(vectors) if normalize else vectors
            identities[rows] = labels
            all_hashes[rows] = hashes
            done += len(vectors)
            bar.update(len(vectors))
    fingerprint = hashlib.blake2b(all_hashes.tobytes(), digest_size=16).hexdigest()
    return Embedded(embeddings, identities, fingerprint, all_hashes)


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


def _stream(
    samples: Images, view: View, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Batches of pixels, labels and image hashes, read ahead by threads, in order."""
    dataset = grain.MapDataset.source(_Views(samples, view)).batch(batch_size)
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=THREADS)
    yield from dataset.to_iter_dataset(options)


def _check_finite(vectors: np.ndarray, samples: Images, first: int) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise UserError(
            f"{samples[first + int(bad[0])].key}: its embedding is not finite. Expected numbers; "
            "look at this image, or at the training if all are so."
        )
