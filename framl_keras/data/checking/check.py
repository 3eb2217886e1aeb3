"""Reads a source as a trainer would and tells what is there."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches, training_stream
from framl_keras.data.checking.look import Look, look_at
from framl_keras.data.checking.report import CheckReport, images_per_class
from framl_keras.data.parallel import ordered_map
from framl_keras.data.policies import Policy
from framl_keras.data.sources.source import Source
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.types import sides

_CHUNK = 64
_SECONDS = 3.0  # that the speed is measured for
_MOST_BATCHES = 200


def check_source(
    source: Source,
    location: str,
    batches: TrainingBatches,
    sample: int | None = None,
    threads: int = 4,
    looks: Sequence[Look] | None = None,
) -> CheckReport:
    """Reads and decodes a source's images and measures how fast batches come.

    Args:
        source: the images.
        location: what the report calls the source.
        batches: the input path whose speed is measured.
        sample: look at this many images only, drawn by the batches' seed.
        threads: readers.
        looks: what was seen before, see `read_looks`; nothing else is read then.
    """
    if looks is None:
        looks = looks_of(source, positions_of(len(source), sample, batches.seed), threads)
    lost = [str(item) for item in source.left_out if item.unreadable]
    readable = [look for look in looks if not look.problem]
    sizes = Counter(f"{look.height}x{look.width}" for look in readable)
    groups = _groups_of_equals(readable)
    return CheckReport(
        location=location,
        images=len(source),
        classes=len(source.class_names),
        checked=len(looks) + len(lost),
        **images_per_class(source.labels, len(source.class_names)),
        sizes=dict(sizes.most_common()),
        unreadable=lost + [look.problem for look in looks if look.problem],
        left_out=[str(item) for item in source.left_out if not item.unreadable],
        duplicates=[[source[position].key for position in group] for group in groups],
        mislabeled=sum(len(set(source.labels[group].tolist())) > 1 for group in groups),
        images_per_second=_speed(batches, threads) if readable else 0.0,
    )


def looks_of(source: Source, positions: np.ndarray, threads: int) -> list[Look]:
    """Reads and decodes the images at some positions, with a bar."""
    chunks = [positions[at : at + _CHUNK] for at in range(0, len(positions), _CHUNK)]
    looks: list[Look] = []
    with tqdm(total=len(positions), unit="img", desc="Reading") as bar:
        for part in ordered_map(lambda chunk: look_at(source, chunk), chunks, threads):
            looks += part
            bar.update(len(part))
    return looks


def positions_of(count: int, sample: int | None, seed: int) -> np.ndarray:
    """Which images are looked at, in ascending order."""
    if sample is None or sample >= count:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))


def _groups_of_equals(looks: Sequence[Look]) -> list[list[int]]:
    """Positions of images with the same bytes, in the order of their first."""
    digests = np.array([look.digest for look in looks], dtype=np.uint64)
    _, inverse, counts = np.unique(digests, return_inverse=True, return_counts=True)
    groups: dict[int, list[int]] = {}
    for at in np.flatnonzero(counts[inverse] > 1).tolist():
        groups.setdefault(int(inverse[at]), []).append(looks[at].position)
    return list(groups.values())


def _speed(batches: TrainingBatches, threads: int) -> float:
    """Images per second, after the first batches have filled the queue."""
    stream = training_stream(batches, threads=threads)
    try:
        for _ in range(2 * threads):
            next(stream)
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < _SECONDS and done < _MOST_BATCHES:
            next(stream)
            done += 1
    except UserError:
        return 0.0
    return done * batches.batch_size / (time.perf_counter() - start)


def check_batches(
    source: Source, view: View, seed: int, policy: str | None = None
) -> TrainingBatches:
    """The input path of a recipe with default augmentation; damaged images are passed over.

    Args:
        source: the images.
        view: how training images are seen.
        seed: decides the order and the augmentation.
        policy: a layer in place of the pipeline's own colors, such as `keras_cv.rand_augment`.
    """
    height, width = sides(view.size)
    options = Augment(resize_to=(max(128, height), max(128, width)))
    layer = None
    if policy is not None:
        options = replace(options, saturation=0.0, brightness=0.0)
        layer = Policy(policy, view.size)
    return TrainingBatches(source, 128, view, options, seed, on_error="skip", policy=layer)
