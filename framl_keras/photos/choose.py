"""Which of a photo's faces are meant."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from framl_keras.photos.face import Face

Choice = Literal["largest", "center", "best", "all"]
CHOICES: tuple[Choice, ...] = ("largest", "center", "best", "all")


def choose(faces: Sequence[Face], choice: Choice, height: int, width: int) -> list[Face]:
    """The faces that are meant.

    Args:
        faces: those that a detector found.
        choice: `largest` by area, `center` nearest to the photo's center, `best` by score, or
            `all`, from left to right.
        height: of the photo.
        width: of the photo.

    Raises:
        ValueError: if the choice is unknown.

    Example:
    >>> import numpy as np
    >>> from framl_keras.photos import Face, choose
    >>> faces = [Face((0, 0, 10, 10), 0.9, np.zeros((5, 2))),
    ...          Face((40, 0, 30, 30), 0.7, np.zeros((5, 2)))]
    >>> [face.score for face in choose(faces, "largest", 100, 100)]
    [0.7]
    """
    if choice not in CHOICES:
        raise ValueError(f"`choice` must be one of {CHOICES}. Received: choice={choice!r}")
    if choice == "all":
        return sorted(faces, key=lambda face: (face.center[0], face.center[1]))
    middle = np.array([width / 2, height / 2])
    keys = {
        "largest": lambda face: face.area,
        "center": lambda face: -float(np.linalg.norm(face.center - middle)),
        "best": lambda face: face.score,
    }
    return [max(faces, key=keys[choice])] if faces else []
