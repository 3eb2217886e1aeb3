"""From images to unit vectors: streamed, mirror-fused, and compiled once."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grain
import numpy as np
from tqdm import tqdm

from framl_keras.data.sources import Images
from framl_keras.data.transforms import decode, view
from framl_keras.errors import UserError

BATCH_SIZE = 64
THREADS = 4


class Embedded(NamedTuple):
    """The embeddings of a set of images and what passing over them told.

    Attributes:
        embeddings: float32 `(num_images, dim)`.
        identities: int64 `(num_images,)`, the samples' labels; -1 where unknown.
        fingerprint: a hash of all images' bytes, in order.
    """

    embeddings: np.ndarray
    identities: np.ndarray
    fingerprint: str


class _Views:
    """Random access to (pixels as verification sees them, label, hash of the image)."""

    def __init__(self, samples: Images, size: int, central_crop: bool):
        self.samples, self.size, self.central_crop = samples, size, central_crop

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int, np.ndarray]:
        sample = self.samples[int(index)]
        pixels = view(decode(sample), self.size, self.central_crop)
        encoded = sample.image if isinstance(sample.image, bytes) else sample.image.tobytes()
        digest = hashlib.blake2b(encoded, digest_size=16).digest()
        return pixels, sample.label, np.frombuffer(digest, dtype=np.uint8)


def embed(
    model: Any,
    samples: Images,
    image_size: int,
    central_crop: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
) -> np.ndarray:
    """Embeds images: the model's output plus that of the mirror image, at length one.

    Images are read by threads and passed on in batches, so memory does not
    depend on how many there are.

    Args:
        model: a Keras model from RGB pixels `(batch, image_size, image_size, 3)` to
            `(batch, dim)`.
        samples: the images.
        image_size: side of the model's input.
        central_crop: sees the middle of each image only, see `view`.
        batch_size: images at a time; the last batch is filled up, so that the
            model is compiled for one shape.
        progress: shows a bar with images per second.

    Returns:
        float32 `(num_images, dim)`, L2-normalized; a zero vector stays zero.

    Raises:
        UserError: if an image cannot be decoded or its embedding is not finite; it
            names the image.
    """
    function = mirror_fused(model, batch_size)
    return embed_with(function, samples, image_size, central_crop, batch_size, progress).embeddings


def mirror_fused(model: Any, batch_size: int = BATCH_SIZE) -> Callable[[np.ndarray], np.ndarray]:
    """A function `f(x) + f(mirrored x)`, not normalized, that calls the model with one shape.

    The model sees the images and their mirror images as one batch.
    """

    def function(pixels: np.ndarray) -> np.ndarray:
        count = len(pixels)
        batch = np.zeros((2 * batch_size, *pixels.shape[1:]), dtype=pixels.dtype)
        batch[:count], batch[batch_size : batch_size + count] = pixels, pixels[:, :, ::-1]
        output = np.asarray(model.predict_on_batch(batch), dtype=np.float32)
        return output[:count] + output[batch_size : batch_size + count]

    return function


def embed_with(
    function: Callable[[np.ndarray], np.ndarray],
    samples: Images,
    image_size: int,
    central_crop: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: bool = True,
    title: str = "embedding",
) -> Embedded:
    """Passes images through any function from pixels to vectors, and normalizes these.

    Args:
        function: uint8 `(n, image_size, image_size, 3)` to `(n, dim)`, for n up to `batch_size`.
        samples: see `embed`, as are the other arguments.
        image_size: side of the images.
        central_crop: sees the middle of each image only.
        batch_size: images at a time.
        progress: shows a bar with images per second.
        title: of the bar.

    Raises:
        UserError: see `embed`; also if there are no images.
    """
    if not len(samples):
        raise UserError("No images to embed. Expected one at least.")
    identities = np.empty(len(samples), dtype=np.int64)
    embeddings = np.empty((0, 0), dtype=np.float32)
    digest = hashlib.blake2b(digest_size=16)
    done = 0
    bar = tqdm(total=len(samples), desc=title, unit="image", disable=not progress, leave=False)
    with bar:
        for pixels, labels, hashes in _stream(samples, image_size, central_crop, batch_size):
            vectors = function(pixels)
            _check_finite(vectors, samples, done)
            if not done:
                embeddings = np.empty((len(samples), vectors.shape[1]), dtype=np.float32)
            rows = slice(done, done + len(vectors))
            embeddings[rows], identities[rows] = l2_normalized(vectors), labels
            digest.update(hashes.tobytes())
            done += len(vectors)
            bar.update(len(vectors))
    return Embedded(embeddings, identities, digest.hexdigest())


def l2_normalized(vectors: np.ndarray) -> np.ndarray:
    """The vectors at length one, `(n, dim) -> (n, dim)`; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _stream(
    samples: Images, size: int, central_crop: bool, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Batches of pixels, labels and image hashes, read ahead by threads, in order."""
    dataset = grain.MapDataset.source(_Views(samples, size, central_crop)).batch(batch_size)
    options = grain.ReadOptions(num_threads=THREADS, prefetch_buffer_size=THREADS)
    yield from dataset.to_iter_dataset(options)


def _check_finite(vectors: np.ndarray, samples: Images, first: int) -> None:
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise UserError(
            f"{samples[first + int(bad[0])].key}: its embedding is not finite. Expected numbers; "
            "look at this image, or at the training if all are so."
        )
