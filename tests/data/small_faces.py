"""Small pictures for the data tests."""

from pathlib import Path

import cv2
import numpy as np

PEOPLE = ("ada", "bob", "Zoë 10", "Zoë 9")
SAMPLES = Path(__file__).parent / "samples"


def picture(seed, size=24):
    """Smooth RGB noise that survives JPEG."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def encoded(seed, suffix=".jpg", size=24):
    return cv2.imencode(suffix, picture(seed, size)[..., ::-1])[1].tobytes()
