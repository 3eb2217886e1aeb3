"""Galleries and probes as people have them, embedded and compared."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from framl_keras.data.inputs import InputImages, input_images
from framl_keras.data.sources import Source, open_source
from framl_keras.errors import UserError
from framl_keras.evaluation.embed import Embedded
from framl_keras.evaluation.embeddings import Embeddings
from framl_keras.evaluation.identification import Identification, identify
from framl_keras.evaluation.matches import Matches, nearest_identities

Embed = Callable[[Any], Embeddings]


class Gallery(NamedTuple):
    """Vectors and the names of their identities."""

    vectors: np.ndarray
    identities: list[str]


def embedded_gallery(gallery: Any, embed: Embed) -> Gallery:
    """Embeds a gallery.

    Args:
        gallery: a source, or where one is, such as a folder `<identity>/<image>`; or a mapping
            from names to images.
        embed: from images to vectors with names.

    Raises:
        UserError: if it is empty or cannot be read.
    """
    if isinstance(gallery, Gallery):
        return gallery
    if isinstance(gallery, Mapping):
        if not gallery:
            raise UserError("An empty gallery. Expected names with images, such as {'ada': path}.")
        images = {str(name): input_images(given) for name, given in gallery.items()}
        names = [name for name, several in images.items() for _ in several]
        joined = InputImages.joined(list(images.values()))
        return Gallery(embed(joined).vectors, names)
    source = gallery if isinstance(gallery, Source) else open_source(str(gallery))
    names = [str(source.class_names[label]) for label in source.labels]
    return Gallery(embed(source).vectors, names)


def matches_in(
    gallery: Gallery,
    probes: Any,
    embed: Embed,
    similarity: str,
    top: int,
    threshold: float | None,
) -> Matches:
    """The identities nearest to each probe, and how many were found where that is known.

    Args:
        gallery: see `embedded_gallery`.
        probes: images as `input_images` takes them, or a source.
        embed: from images to vectors with names.
        similarity: its name.
        top: identities for each probe at most.
        threshold: smaller distances mean same; None gives no verdicts.

    Raises:
        UserError: if an image cannot be read.
    """
    images, truth = _probes(probes)
    embedded = embed(images)
    nearest = nearest_identities(
        gallery.vectors, gallery.identities, embedded.vectors, similarity, top, threshold
    )
    rates = _rates(gallery, embedded.vectors, truth, similarity)
    return Matches(embedded.names, nearest, similarity, threshold, rates)


def held_out_matches(
    embedded: Embedded,
    names: Sequence[str],
    strangers: float,
    similarity: str,
    top: int,
    threshold: float | None,
) -> Matches:
    """Takes each identity's first image as the gallery, and all others as probes.

    Args:
        embedded: images of known identities.
        names: what each image is called.
        strangers: share of the identities that are left out of the gallery.
        similarity: see `matches_in`, as are the next two.
        top: identities for each probe at most.
        threshold: smaller distances mean same.

    Raises:
        UserError: if an identity is not known.
    """
    vectors, identities = embedded.embeddings, embedded.identities
    if identities.min() < 0:
        raise UserError("The images' identities are not known. Name a gallery and probes.")
    classes, first = np.unique(identities, return_index=True)
    first = first[: max(1, len(classes) - round(strangers * len(classes)))]
    rest = np.setdiff1d(np.arange(len(identities)), first)
    gallery = Gallery(vectors[first], [str(label) for label in identities[first]])
    nearest = nearest_identities(*gallery, vectors[rest], similarity, top, threshold)
    rates = identify(vectors[first], identities[first], vectors[rest], identities[rest], similarity)
    return Matches([names[at] for at in rest], nearest, similarity, threshold, rates)


def _probes(probes: Any) -> tuple[Any, list[str | None]]:
    """The probes' images, and the identity of each as far as it is known."""
    if isinstance(probes, Source):
        return _of_source(probes)
    if isinstance(probes, str | Path) and not _is_images(Path(probes)):
        return _of_source(open_source(str(probes)))
    images = input_images(probes)
    root = Path(probes) if isinstance(probes, str | Path) else None
    return images, [_identity_by_folder(name, root) for name in images.names]


def _is_images(path: Path) -> bool:
    """Whether a path is a folder without records, or a file that no source is made of."""
    if path.is_dir():
        return not any(path.glob("*record*")) and not any(path.glob("*.rec"))
    return path.suffix.lower() not in (".csv", ".tsv", ".rec", ".tfrecord", ".arrayrecord", "")


def _of_source(source: Source) -> tuple[InputImages, list[str | None]]:
    names = [str(source.class_names[label]) for label in source.labels]
    return input_images(source), list(names)


def _identity_by_folder(name: str, root: Path | None) -> str | None:
    """The folder that an image lies in, if it lies below the folder of all probes."""
    if root is None or not root.is_dir():
        return None
    parent = Path(name).parent
    return None if parent == root else parent.name


def _rates(
    gallery: Gallery, probes: np.ndarray, truth: Sequence[str | None], similarity: str
) -> Identification | None:
    """The rates over the probes whose identity is known; None if none of theirs is there."""
    known = [at for at, name in enumerate(truth) if name is not None]
    numbers: dict[str, int] = {}
    ids = np.array([numbers.setdefault(name, len(numbers)) for name in gallery.identities])
    probe_ids = np.array([numbers.get(str(truth[at]), -1) for at in known], dtype=np.int64)
    if not (probe_ids >= 0).any():
        return None
    return identify(gallery.vectors, ids, probes[known], probe_ids, similarity)
