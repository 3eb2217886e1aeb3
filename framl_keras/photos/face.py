"""A face in a photo, and what finds one."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

LANDMARKS = ("left eye", "right eye", "nose", "left mouth corner", "right mouth corner")


@dataclass(frozen=True, eq=False)
class Face:
    """One face.

    Attributes:
        box: left, top, width and height in pixels; it may reach beyond the photo.
        score: how sure the detector is, from 0 to 1.
        landmarks: x and y in pixels, `(5, 2)`: the eye at the image's left, the other eye, the
            nose, the mouth corner at the image's left, the other corner.

    Example:
    >>> face = Face((10, 10, 40, 50), 0.9, np.zeros((5, 2)))
    >>> face.score
    0.9
    """

    box: tuple[float, ...]
    score: float
    landmarks: np.ndarray

    @property
    def area(self) -> float:
        """The box's area in pixels."""
        return self.box[2] * self.box[3]

    @property
    def center(self) -> np.ndarray:
        """The box's center, `(2,)`."""
        left, top, width, height = self.box
        return np.array([left + width / 2, top + height / 2])

    @property
    def eye_distance(self) -> float:
        """The distance between the eyes in pixels."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))

    def moved(self, matrix: np.ndarray) -> "Face":
        """The face after an affine map `(2, 3)` of the photo."""
        left, top, width, height = self.box
        corners = [(left, top), (left + width, top), (left, top + height),
                   (left + width, top + height)]  # fmt: skip
        corners = np.array(corners) @ matrix[:, :2].T + matrix[:, 2]
        low, high = corners.min(axis=0), corners.max(axis=0)
        landmarks = self.landmarks @ matrix[:, :2].T + matrix[:, 2]
        return Face((*map(float, low), *map(float, high - low)), self.score, landmarks)


@runtime_checkable
class Detector(Protocol):
    """Finds faces and their five landmarks.

    A detector is safe to use from several threads. Any object with these three members is one.

    Attributes:
        name: what it is called in metadata.
        sha256: the hash of its weights in hex, or of the table that it reads from.
    """

    @property
    def name(self) -> str:
        """What it is called in metadata."""
        ...

    @property
    def sha256(self) -> str:
        """The hash of what it computes with."""
        ...

    def detect(self, image: np.ndarray, key: str = "") -> list[Face]:
        """The faces in a photo.

        Args:
            image: RGB uint8, `(height, width, 3)`.
            key: the photo's path, by which a table of landmarks finds its rows.

        Returns:
            The faces, in no particular order; empty if there are none.
        """
        ...
