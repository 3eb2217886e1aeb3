"""Which training images do not look like their label: those far from its dominant center."""

import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.sources import People, Source
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.arrays import as_array
from framl_keras.evaluation.dominant_centers import dominant_centers
from framl_keras.evaluation.embed import embed_with, not_fused

log = logging.getLogger(__name__)

AT_ONCE = 1000  # identities whose embeddings are in memory at a time


class Suspect(NamedTuple):
    """An image that may have a wrong label.

    Attributes:
        angle: in degrees, to the dominant center of its label.
        label: the label that it has.
        key: where it came from.
        nearest: another label, the one with the nearest center.
        nearest_angle: in degrees, to that one.
    """

    angle: float
    label: int
    key: str
    nearest: int
    nearest_angle: float


class LabelNoise(NamedTuple):
    """What `find_label_noise` finds.

    Attributes:
        angles: in degrees, each image's to the dominant center of its label, `(images,)`.
        suspects: the images beyond the limit, farthest first.
    """

    angles: np.ndarray
    suspects: list[Suspect]


def find_label_noise(
    model: Any,
    source: Source,
    centers: np.ndarray,
    limit: float,
    view: View,
) -> LabelNoise:
    """Compares training images with their labels' centers, as they are, not mirrored.

    Memory holds the embeddings of some identities at a time. A warning says so if there
    is one center for each identity only: images of others then pull it to themselves.

    Args:
        model: the embedding model.
        source: the training data, with the labels of the centers.
        centers: `(sub_centers, num_classes, dim)`.
        limit: in degrees; images beyond it are suspects.
        view: how the model sees images.

    Raises:
        UserError: if an image cannot be decoded, or the centers are not the source's.
    """
    centers = _checked(centers, len(source.class_names))
    angles = np.zeros(len(source))
    suspects: list[Suspect] = []
    classes = len(source.class_names)
    for first in range(0, classes, AT_ONCE):
        labels = range(first, min(first + AT_ONCE, classes))
        people = People(source, labels)
        title = f"identities {first + 1}-{labels[-1] + 1}"
        vectors = embed_with(not_fused(model), people, view, title=title).embeddings
        dominant = dominant_centers(centers[:, labels], vectors, people.labels)
        angles[people.indices] = dominant.angles
        far = np.flatnonzero(dominant.angles > limit)
        places = people.indices[far]
        suspects += _suspects(source, places, angles[places], vectors[far], centers)
    return LabelNoise(angles, sorted(suspects, key=lambda suspect: -suspect.angle))


def _checked(centers: np.ndarray, classes: int) -> np.ndarray:
    """The centers, if they are of as many identities; a warning if each has but one."""
    centers = as_array(centers, "centers")
    if centers.ndim != 3 or centers.shape[1] != classes or centers.dtype.kind != "f":
        raise UserError(
            f"`centers`: expected floats (sub_centers, {classes}, dim), for the source's "
            f"{classes} identities. Received: {centers.dtype} {centers.shape}"
        )
    if len(centers) == 1:
        log.warning(
            "This run has one center for each identity, which wrong images pull towards "
            "themselves: few or none of them will be far from it. To find them, train with "
            "sub-centers, `model.sub_centers: 3`."
        )
    return centers


def _suspects(
    source: Source,
    places: np.ndarray,
    angles: np.ndarray,
    vectors: np.ndarray,
    centers: np.ndarray,
) -> Iterator[Suspect]:
    """Names some of a source's images and the other labels nearest to them.

    Args:
        source: the training data.
        places: the images' positions there, `(n,)`.
        angles: in degrees, to their own centers, `(n,)`.
        vectors: their unit embeddings, `(n, dim)`.
        centers: `(sub_centers, num_classes, dim)`.
    """
    lengths = np.maximum(np.linalg.norm(centers, axis=-1), 1e-12)
    for place, angle, vector in zip(places, angles, vectors, strict=True):
        cosines = (centers @ vector / lengths).max(axis=0)
        cosines[source.labels[place]] = -np.inf
        nearest = int(cosines.argmax())
        yield Suspect(
            angle=float(angle),
            label=int(source.labels[place]),
            key=source[int(place)].key,
            nearest=nearest,
            nearest_angle=float(np.degrees(np.arccos(np.clip(cosines[nearest], -1.0, 1.0)))),
        )
