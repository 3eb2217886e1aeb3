"""A fingerprint of 256 bits that survives compression, scaling and slight changes of light.

The image is shrunk to 64x64 grays; of its cosine transform, the 256 lowest
frequencies but the mean are compared with their median.

Reference:
- Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010
"""

import cv2
import numpy as np

WORDS = 4  # of 64 bits
_SIDE, _LOW = 64, 16


def perceptual_hash(image: np.ndarray) -> np.ndarray:
    """The fingerprint of an RGB image, uint64 `(WORDS,)`."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:_LOW, :_LOW].ravel()
    bits = low > np.median(low[1:])
    bits[0] = False  # the mean says nothing about the picture
    return np.packbits(bits).view(np.uint64)


def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The number of bits in which fingerprints differ, int64 `(n,)`; both `(n, WORDS)`."""
    return np.bitwise_count(left ^ right).sum(axis=1, dtype=np.int64)


def thumbnail(image: np.ndarray) -> np.ndarray:
    """32x32 grays with mean 0 and norm 1, float32 `(1024,)`: their product is a correlation."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    centered = small - small.mean()
    return centered / max(float(np.linalg.norm(centered)), 1e-6)
