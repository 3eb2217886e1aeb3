"""Which training images may have a wrong label?"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from framl_keras.data.sources import Source
from framl_keras.embedder import Embedder
from framl_keras.errors import UserError
from framl_keras.evaluation.label_noise import Suspect, find_label_noise
from framl_keras.results import Tabular
from framl_keras.runs.identities import open_training_source
from framl_keras.runs.open_embedder import TrainedEmbedder
from framl_keras.training.checkpoints.centers import centers_of


class LabelNoise(Tabular):
    """Training images that are far from their identity's dominant center, farthest first.

    Args:
        suspects: the images.
        names: the identities' names.
        angles: in degrees, each image's to the dominant center of its label, `(images,)`.
        limit: in degrees, from which on an image is a suspect.
    """

    FORMATS: ClassVar[Mapping[str, str]] = {"angle": ".1f", "nearest_angle": ".1f"}

    def __init__(
        self, suspects: Sequence[Suspect], names: Sequence[str], angles: np.ndarray, limit: float
    ):
        self.suspects, self.names = list(suspects), list(names)
        self.angles, self.limit = angles, limit

    def __len__(self) -> int:
        return len(self.suspects)

    def rows(self) -> list[dict[str, Any]]:
        """One row for each suspect."""
        return [
            {
                "angle": round(suspect.angle, 1),
                "identity": self.names[suspect.label],
                "nearest": self.names[suspect.nearest],
                "nearest_angle": round(suspect.nearest_angle, 1),
                "image": suspect.key,
            }
            for suspect in self.suspects
        ]

    def to_dict(self) -> dict[str, Any]:
        """The suspects, and how many images were looked at."""
        return {"limit": self.limit, "images": len(self.angles), **super().to_dict()}

    def summary(self, shown: int = 20) -> str:
        """How many there are, and the first of them."""
        count, total = len(self.suspects), len(self.angles)
        text = (
            f"{count:,} of {total:,} images ({100 * count / total:.2f} %) are farther than "
            f"{self.limit:g} degrees from their identity's dominant center."
        )
        lines = str(self).splitlines()[: shown + 1] if shown and count else []
        return "\n".join([text, "", *lines]) if lines else text


def label_noise(
    run: str | os.PathLike[str] | Embedder | None = None, angle: float = 75.0
) -> LabelNoise:
    """Finds a run's training images that are far from their identity's dominant center.

    Train with sub-centers (`model.sub_centers: 3`): images of other identities then gather at
    centers of their own, and the one with the most images is the dominant one.

    Args:
        run: the run's folder, or its embedder; None for the newest.
        angle: in degrees; most images beyond 75 have a wrong label, say the authors of
            sub-center ArcFace.

    Raises:
        UserError: if the run has no centers, or its data are no longer the same.

    Reference:
    - Deng et al., "Sub-center ArcFace", ECCV 2020

    Example:
    >>> label_noise("runs/mine").to_csv("suspects.csv")  # doctest: +SKIP
    """
    if not 0 <= angle <= 180:
        raise ValueError(f"`angle` must be within [0, 180]. Received: angle={angle}")
    embedder = run if isinstance(run, Embedder) else Embedder.load(run)
    trained = embedder.trained
    centers, source = centers_of(trained.directory), _source(trained)
    noise = find_label_noise(trained.model, source, centers, angle, trained.view)
    return LabelNoise(noise.suspects, source.class_names, noise.angles, angle)


def _source(trained: TrainedEmbedder) -> Source:
    """The run's training data, if its identities are still those of the centers."""
    source = open_training_source(trained.known_recipe)
    if list(source.class_names) != trained.directory.class_names():
        raise UserError(
            f"{trained.known_recipe.data.train}: its identities are no longer those that "
            f"{trained.directory.path} was trained on. Expected the same data; train again."
        )
    return source
