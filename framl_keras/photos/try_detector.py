"""Runs a detector's file in a process of its own: OpenCV crashes on some damaged ones.

One in seven damaged files ended the process when OpenCV 5.0 read it.
"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

SECONDS = 60
SIDES = (64, 112, 320)


def runs_safely(path: Path) -> bool:
    """Whether OpenCV can read a YuNet's file and search images with it, without a crash."""
    command = [sys.executable, "-m", "framl_keras.photos.try_detector", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _try(path: str) -> None:
    network = cv2.FaceDetectorYN.create(path, "", (64, 64))
    noise = np.random.default_rng(0)
    for side in SIDES:
        network.setInputSize((side, side))
        network.detect(noise.integers(0, 256, (side, side, 3), dtype=np.uint8))


if __name__ == "__main__":
    _try(sys.argv[1])
