"""Fine-tuning: a model that starts from a trained one, and the centers of new identities."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from framl_keras.data.sources import People, Source
from framl_keras.errors import UserError
from framl_keras.models import point_centers, take_centers, take_embedder, take_parts
from framl_keras.runs import RunDirectory, check_embedder, open_embedder
from framl_keras.runs.checkpoint import is_checkpoint, load_checkpoint
from framl_keras.runs.open_embedder import KINDS
from framl_keras.training.checkpoints.centers import head_in, head_of

log = logging.getLogger(__name__)

AT_ONCE = 1000  # identities whose embeddings are in memory at a time


def start_from(
    init: str | None,
    new_centers: str,
    embedder: keras.Model,
    model: keras.Model,
    source: Source,
    embed: Callable[..., np.ndarray],
) -> None:
    """Puts in what `init` has, and new identities' centers; says what it took.

    Args:
        init: a run, a checkpoint or a file to take weights from; None for none.
        new_centers: `mean` points the centers of new identities at their images.
        embedder: the embedding model.
        model: the training model around it.
        source: the training data.
        embed: gives images' unit embeddings by the embedder.

    Raises:
        UserError: if `init` is missing, or of another network.
    """
    names, known = list(source.class_names), 0
    is_known = np.zeros(len(names), dtype=bool)
    if init:
        path = Path(init)
        parts = _take_embedder(embedder, path)
        log.info("Started from %s: %s", path, ", ".join(parts))
        if trained := _head_at(path):
            is_known = _take_known(model.get_layer("head"), *trained, names)
            known = int(is_known.sum())
            log.info("%d of %d identities keep their centers", known, len(names))
    if new_centers == "mean" and known < len(names):
        new = np.flatnonzero(~is_known).tolist()
        means = mean_embeddings(embed, embedder.output_shape[-1], source, new)
        point_centers(model.get_layer("head"), new, means)


def _take_embedder(embedder: keras.Model, path: Path) -> list[str]:
    """Takes the weights at `init`, and says which parts."""
    if not path.exists():
        raise UserError(f"model.init: no such run or file: {path}. Expected {KINDS}.")
    try:
        file = check_embedder(path)
    except UserError as error:
        raise UserError(f"model.init: {error}") from None
    if is_checkpoint(file):
        return take_parts(embedder, open_embedder(file).model, str(path))
    return take_embedder(embedder, str(file))


def _head_at(path: Path) -> tuple[Mapping[str, np.ndarray], list[str]] | None:
    """The head's weights and the identities of a run or a checkpoint within one, if known."""
    if is_checkpoint(path):
        run = RunDirectory(path.absolute().parent.parent)
        has_classes = (run.path / "classes.json").is_file()
        return (head_in(load_checkpoint(path)), run.class_names()) if has_classes else None
    if path.is_dir():
        run = RunDirectory(path)
        return head_of(run), run.class_names()
    return None


def _take_known(
    head: keras.layers.Layer,
    arrays: Mapping[str, np.ndarray],
    old: Sequence[str],
    names: Sequence[str],
) -> np.ndarray:
    """Takes the centers of the identities that were trained before; which those are."""
    place = {name: label for label, name in enumerate(old)}
    is_known = np.array([name in place for name in names])
    labels = np.flatnonzero(is_known).tolist()
    before = [place[names[label]] for label in labels]
    if not labels or not take_centers(head, arrays, len(old), before, labels):
        return np.zeros(len(names), dtype=bool)
    return is_known


def mean_embeddings(
    embed: Callable[..., np.ndarray],
    dim: int,
    source: Source,
    labels: Sequence[int],
) -> np.ndarray:
    """The mean of the unit embeddings of each identity's images, `(len(labels), dim)`."""
    means = np.zeros((len(labels), dim))
    for first in range(0, len(labels), AT_ONCE):
        people = People(source, labels[first : first + AT_ONCE])
        vectors = embed(people)
        np.add.at(means, first + people.labels, vectors)
        means[first : first + AT_ONCE] /= np.bincount(people.labels)[:, None]
    return means
