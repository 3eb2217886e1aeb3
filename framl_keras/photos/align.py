"""From a photo to aligned faces."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from framl_keras.photos.choose import Choice, choose
from framl_keras.photos.face import Detector, Face
from framl_keras.photos.template import SIDE, WORST_FIT, Border, fit, warp
from framl_keras.photos.yunet import default_detector


@dataclass(frozen=True, eq=False)
class Aligned:
    """One face, brought to the template.

    Attributes:
        image: RGB uint8, `(height, width, 3)`.
        face: where it was in the photo.
        rms: how far its landmarks are from the template; see `template.Fit`.
    """

    image: np.ndarray
    face: Face
    rms: float

    @property
    def fits(self) -> bool:
        """Whether the landmarks look like a face's: mirrored or mistaken ones do not."""
        return self.rms <= WORST_FIT


def align(
    photo: np.ndarray,
    detector: Detector | None = None,
    *,
    size: int | tuple[int, int] = SIDE,
    faces: Choice = "largest",
    border: Border = "constant",
    key: str = "",
) -> list[Aligned]:
    """Finds faces in a photo and brings each to ArcFace's template.

    Args:
        photo: RGB uint8, `(height, width, 3)`.
        detector: what finds them; YuNet where none is given.
        size: of the aligned images: the side, or height and width.
        faces: which of them: `largest`, `center`, `best` (by score) or `all`.
        border: what lies beyond the photo's edge: `constant` (black), `replicate` or `reflect`.
        key: the photo's path, for a detector that looks landmarks up.

    Returns:
        The aligned faces; empty where no face is found.

    Raises:
        ValueError: if an argument is unknown.
        UserError: if the detector is not installed or gives landmarks outside the photo.

    Example:
    >>> import numpy as np
    >>> from framl_keras.photos import align
    >>> align(np.zeros((120, 120, 3), "uint8"))
    []
    """
    detector = detector or default_detector()
    detected = detector.detect(photo, key)
    chosen = choose(detected, faces, *photo.shape[:2])
    aligned = (_aligned(photo, face, size, border) for face in chosen)
    return [one for one in aligned if one is not None]


def _aligned(
    photo: np.ndarray, face: Face, size: int | tuple[int, int], border: Border
) -> Aligned | None:
    fitted = fit(face.landmarks, size)
    if fitted is None:
        return None
    return Aligned(warp(photo, fitted.matrix, size, border), face, fitted.rms)


def draw_landmarks(photo: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """A copy of a photo with each face's box and landmarks drawn.

    Example:
    >>> face = Face((2.0, 2.0, 12.0, 12.0), 0.9, np.full((5, 2), 8.0))
    >>> draw_landmarks(np.zeros((20, 20, 3), np.uint8), [face]).shape
    (20, 20, 3)
    """

    drawn = photo.copy()
    thick = max(1, round(max(photo.shape[:2]) / 250))
    for face in faces:
        left, top, width, height = map(round, face.box)
        cv2.rectangle(drawn, (left, top), (left + width, top + height), (255, 200, 0), thick)
        for x, y in face.landmarks:
            cv2.circle(drawn, (round(x), round(y)), 2 * thick, (0, 220, 80), -1)
    return drawn
