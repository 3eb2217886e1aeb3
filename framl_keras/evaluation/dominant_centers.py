"""How far samples lie from their class's dominant sub-center: a measure of label noise."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_array, as_identities, as_vectors


class DominantCenters(NamedTuple):
    """What `dominant_centers` finds.

    Attributes:
        dominant: each class's sub-center with the most samples, `(num_classes,)`.
        angles: each sample's angle to it in degrees, `(samples,)`.
    """

    dominant: np.ndarray
    angles: np.ndarray


def dominant_centers(
    centers: npt.ArrayLike, embeddings: npt.ArrayLike, labels: npt.ArrayLike
) -> DominantCenters:
    """Each class's dominant sub-center, and each sample's angle to that of its class.

    Samples beyond about 75 degrees are mostly mislabeled, says the paper.

    Args:
        centers: `(sub_centers, num_classes, dim)`, as `ArcMarginLayer.centers()` gives.
        embeddings: `(samples, dim)`.
        labels: integers `(samples,)`.

    Raises:
        UserError: if the arrays do not fit.

    Reference:
        Deng et al., "Sub-center ArcFace: Boosting Face Recognition by Large-scale Noisy
        Web Faces", ECCV 2020
    """
    centers, embeddings = as_array(centers, "centers"), as_vectors(embeddings)
    labels = as_identities(labels, len(embeddings), "labels")
    if centers.ndim != 3 or centers.shape[2] != embeddings.shape[1]:
        raise UserError(
            f"`centers`: expected (sub_centers, num_classes, {embeddings.shape[1]}), as long as "
            f"the embeddings. Received: {centers.shape}"
        )
    if not 0 <= labels.min() <= labels.max() < centers.shape[1]:
        raise UserError(
            f"`labels`: expected 0 to {centers.shape[1] - 1}, the centers' classes. "
            f"Received: {labels.min()} to {labels.max()}"
        )
    units, own_centers = _unit(embeddings), _unit(centers)[:, labels]
    cosines = np.einsum("sd,ksd->ks", units, own_centers)
    votes = np.zeros((centers.shape[1], centers.shape[0]), dtype=np.int64)
    np.add.at(votes, (labels, cosines.argmax(0)), 1)
    dominant = votes.argmax(1)
    chosen = cosines[dominant[labels], np.arange(len(labels))]
    return DominantCenters(dominant, np.degrees(np.arccos(np.clip(chosen, -1.0, 1.0))))


def _unit(x: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(lengths > 0, lengths, 1.0)
