"""Opening, converting, merging and splitting data, in one line each."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.data.augment import Augment
from framl_keras.data.conversion import ConvertOptions, Manifest, join_parts
from framl_keras.data.conversion import convert as convert_source
from framl_keras.data.conversion import convert_part as convert_part_of
from framl_keras.data.conversion.options import format_for
from framl_keras.data.pairs import PairSet
from framl_keras.data.pairs import open_pairs as open_all_pairs
from framl_keras.data.parts import Part, WrittenPart
from framl_keras.data.sources import (
    Merged,
    Sample,
    Source,
    as_source,
    columns_for,
    open_sources,
)
from framl_keras.data.sources.merged import names_of_sources, read_label_map
from framl_keras.data.splitting import split as split_source
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.types import Size, in_proportion

Location = str | os.PathLike[str]
Columns = Mapping[str, str] | None


class TrainingData:
    """Labeled images, by position and as the endless batches of a training.

    Args:
        source: where the images are.

    Attributes:
        class_names: the identity's name at each label.
        labels: int64 `(len(data),)`.

    Example:
    >>> from framl_keras import data
    >>> faces = data.open("synthetic:people=3,images=2")
    >>> len(faces), faces.class_names[0]
    (6, 'person-0000000')
    """

    def __init__(self, source: Source):
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Sample:
        return self.source[index]

    @property
    def class_names(self) -> Sequence[str]:
        """The identity's name at each label."""
        return self.source.class_names

    @property
    def labels(self) -> np.ndarray:
        """The label of each image, int64 `(len(data),)`."""
        return self.source.labels

    def batches(
        self,
        batch_size: int = 128,
        size: Size = 112,
        seed: int = 0,
        augment: Mapping[str, Any] | bool = True,
        central_crop: bool = False,
        channels: int = 3,
        aspect_ratio: str = "stretch",
        images_per_class: int | None = None,
        on_error: str = "raise",
        start: int = 0,
        threads: int = 4,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches without an end, as training sees them: batch `b` follows from (seed, `b`).

        An epoch has `len(data) // batch_size` of them. They are the same on every backend.

        Args:
            batch_size: images in a batch.
            size: side of the images in pixels, or height and width.
            seed: decides the order and the augmentation.
            augment: True for FRAML's, False for none, or options of `Augment`, such as
                `{"flip": True, "degrees": 10}`.
            central_crop: crops the middle instead of anywhere.
            channels: 3 for RGB, 1 for gray.
            aspect_ratio: what becomes of images of other proportions; see `View`.
            images_per_class: for balanced batches, images of each class.
            on_error: `raise` stops at an image that cannot be read; `skip` takes another one.
            start: the first batch.
            threads: readers.

        Returns:
            An iterator of uint8 `(batch_size, size, size, channels)` and int32 `(batch_size,)`.

        Raises:
            UserError: if an image cannot be read, or an option is unknown.
        """
        from framl_keras.data.batches import (  # noqa: PLC0415 - Grain takes a while
            TrainingBatches,
            training_stream,
        )

        view = View(size, central_crop, channels, aspect_ratio)
        batches = TrainingBatches(
            self.source,
            batch_size,
            view,
            _augment(augment, view),
            seed,
            on_error,
            images_per_class,
        )
        return training_stream(batches, start, threads)

    def __repr__(self) -> str:
        return f"TrainingData({len(self):,} images of {len(self.class_names):,} identities)"


def open(location: Any, root: Location | None = None,
         on_error: str = "raise", columns: Columns = None) -> TrainingData:  # fmt: skip
    """Opens training data, whatever its format.

    Args:
        location: `orl`, `synthetic:people=100,images=20`, a folder `<identity>/<image>`, records,
            a list `path,label`, or a source of your own; or a data set that is there in Python,
            of `(image, label)`: Torch's, TensorFlow's, Hugging Face's, a list, two arrays.
        root: folder that paths within the data start from.
        columns: which columns of a table are `path` and `label`, by name or number.
        on_error: whether damaged records are refused (`raise`) or left out (`skip`).

    Raises:
        UserError: if nothing is there, or the format cannot be told.

    Example:
    >>> open("synthetic:people=4,images=3")
    TrainingData(12 images of 4 identities)
    """
    return TrainingData(source_of(location, root, on_error, columns))


def open_pairs(location: Location, name: str | None = None,
               root: Location | None = None,
               columns: Columns = None) -> list[PairSet]:  # fmt: skip
    """Opens the verification sets at a place, whatever their format.

    Args:
        location: a file or folder.
        name: what reports call the set; the file's name if None.
        root: folder that paths within a list start from.
        columns: which columns of a table are `left`, `right` and `same`.

    Raises:
        UserError: if there is none.

    Example:
    >>> (pairs,) = open_pairs("lfw.bin")  # doctest: +SKIP
    >>> len(pairs)  # doctest: +SKIP
    6000
    """
    path = os.fspath(location)
    return open_all_pairs(path, name or Path(path).stem, None if root is None else os.fspath(root),
                          columns)  # fmt: skip


def convert(
    source: Location | Source,
    destination: Location,
    format: str | None = None,
    online: bool = False,
    shards: int | None = None,
    jobs: int | None = None,
    resize: int | None = None,
    seed: int = 0,
    root: Location | None = None,
    on_error: str = "raise",
    overwrite: bool = False,
    columns: Columns = None,
    parts: bool = False,
) -> Manifest:
    """Writes images, shuffled, as TFRecord or ArrayRecord; interrupted, it goes on.

    Args:
        source: see `open`.
        destination: the file, or the common name of the shards.
        format: `tfrecord` or `arrayrecord`; by the suffix of `destination` if None.
        online: stores the images' paths instead of the images.
        shards: number of files.
        jobs: threads that read and encode; None takes one, or all cores with `resize`.
        resize: side that images are stretched to.
        seed: decides the order.
        root: folder that paths within the source start from.
        on_error: stop at what cannot be read (`raise`), or leave it out (`skip`).
        overwrite: replace what is there.
        columns: see `open`.
        parts: the files are there, by `convert_part`; only what they are is written.

    Returns:
        What was written, and what was left out.

    Raises:
        UserError: if the destination exists, an image cannot be read, a part is missing, or
            parts are to be overwritten.

    Example:
    >>> convert("faces", "faces.tfrecord", resize=112)  # doctest: +SKIP
    """
    options = _options(destination, format, online, shards, jobs, resize, seed, on_error)
    opened = source_of(source, root, on_error, columns)
    if parts and overwrite:
        raise UserError("--overwrite: parts are joined as they are. Give it to each --part.")
    if parts:
        return join_parts(opened, Path(destination), options, said_of(source))
    return convert_source(opened, Path(destination), options, said_of(source), overwrite)


def convert_part(
    source: Location | Source,
    destination: Location,
    part: tuple[int, int],
    format: str | None = None,
    online: bool = False,
    shards: int | None = None,
    jobs: int | None = None,
    resize: int | None = None,
    seed: int = 0,
    root: Location | None = None,
    on_error: str = "raise",
    overwrite: bool = False,
    columns: Columns = None,
) -> WrittenPart:
    """Writes part `i` of `n` of a conversion's files, so that many machines share it.

    They have the bytes that `convert` gives them. A part that is there is left alone.

    Args:
        source: see `convert`, as is everything but `part`; the same for every part.
        destination: the common name of the shards.
        part: `(i, n)`, i from 1.
        format: `tfrecord` or `arrayrecord`.
        online: stores the images' paths instead of the images.
        shards: number of files in all, at least as many as parts.
        jobs: threads that read and encode.
        resize: side that images are stretched to.
        seed: decides the order.
        root: folder that paths within the source start from.
        on_error: stop at what cannot be read (`raise`), or leave it out (`skip`).
        overwrite: replace this part's files.
        columns: see `open`.

    Raises:
        UserError: if there is no such part, fewer files than parts, or what `convert` raises.

    Example:
    >>> convert_part("faces", "faces.tfrecord", (1, 8), shards=64)  # doctest: +SKIP
    >>> convert("faces", "faces.tfrecord", shards=64, parts=True)  # doctest: +SKIP
    """
    options = _options(destination, format, online, shards, jobs, resize, seed, on_error)
    opened, chosen = source_of(source, root, on_error, columns), Part(*part)
    place = Path(destination)
    return convert_part_of(opened, place, options, chosen, said_of(source), overwrite)


def _options(
    destination: Location, format: str | None, online: bool, shards: int | None,
    jobs: int | None, resize: int | None, seed: int, on_error: str,
) -> ConvertOptions:  # fmt: skip
    threads = jobs or (os.cpu_count() if resize else 1) or 1
    chosen = format or format_for(Path(destination))
    return ConvertOptions(chosen, online, shards, threads, resize, seed, on_error)


def merge(
    sources: Sequence[Location],
    path: Location,
    labels: Location | None = None,
    root: Location | None = None,
    columns: Columns = None,
    seed: int = 0,
    on_error: str = "raise",
    overwrite: bool = False,
) -> Manifest:
    """Writes the images of several sources, of any formats, as one set of records.

    Identities of the same name are the same, except numbers, which are kept apart by their
    source's name.

    Args:
        sources: where the images are; see `open`.
        path: the file to write; see `convert`.
        labels: a table `name,label[,source]` of common names.
        root: folder that paths within each source start from.
        columns: which columns of tables are `path` and `label`.
        seed: decides the order.
        on_error: stop at what cannot be read (`raise`), or leave it out (`skip`).
        overwrite: replaces what is there and forgets interrupted attempts.

    Raises:
        UserError: if there are fewer than two sources, or one cannot be read.

    Example:
    >>> merge(["day1", "day2.tfrecord"], "both.tfrecord")  # doctest: +SKIP
    """
    places = [os.fspath(each) for each in sources]
    if len(places) < 2:
        raise UserError(f"One source only ({', '.join(places)}). Expected several, and then DST.")
    names = names_of_sources(places)
    mapped = read_label_map(Path(labels), names) if labels else None
    options = ConvertOptions(format_for(Path(path)), seed=seed, on_error=on_error)
    base = None if root is None else os.fspath(root)
    named = dict(columns or {})
    opened = [open_sources(place, base, on_error, columns_for(place, named)) for place in places]
    merged = Merged(opened, names, mapped)
    return convert_source(merged, Path(path), options, " + ".join(places), overwrite)


def split(
    source: Location | Source,
    destination: Location,
    shares: Sequence[float] = (80, 10, 10),
    seed: int = 0,
    format: str | None = None,
    root: Location | None = None,
    columns: Columns = None,
) -> list[Path]:
    """Cuts data by identity into `train`, `validation` and `test`, written into a folder.

    Args:
        source: see `open`.
        destination: the folder.
        shares: of the identities, for each part.
        seed: decides which identities.
        format: `list` (a CSV of paths), `tfrecord` or `arrayrecord`; None for a list if the
            images are files, or else TFRecord.
        root: folder that paths within the source start from.
        columns: see `open`.

    Returns:
        The files.

    Raises:
        UserError: if a file exists, or there are too few identities.

    Example:
    >>> split("faces", "parts", seed=1)  # doctest: +SKIP
    """
    opened = source_of(source, root, "raise", columns)
    return split_source(opened, Path(destination), shares, seed, format)


def source_of(given: Any, root: Location | None, on_error: str, columns: Columns = None) -> Source:
    """The source that is meant: a location, several of them, or anything that is one; see `open`.

    Raises:
        TypeError: if it is none.
    """
    if isinstance(given, TrainingData):
        return given.source
    if isinstance(given, str | os.PathLike):
        base = None if root is None else os.fspath(root)
        return open_sources(os.fspath(given), base, on_error, columns)
    if isinstance(given, list | tuple) and all(isinstance(g, str | os.PathLike) for g in given):
        base = None if root is None else os.fspath(root)
        return open_sources([os.fspath(each) for each in given], base, on_error, columns)
    if source := as_source(given):
        return source
    raise TypeError(
        "Expected a path, a name such as `orl`, a source with `class_names` and `labels`, or a "
        f"data set of (image, label). Received: {type(given).__name__}"
    )


def said_of(given: Any) -> str:
    """What a report calls a source."""
    return os.fspath(given) if isinstance(given, str | os.PathLike) else type(given).__name__


def _augment(given: Mapping[str, Any] | bool, view: View) -> Augment:
    """The augmentation that is meant; images are stretched so that crops have FRAML's room."""
    room = in_proportion(view.size, 128, 112)
    if given is True:
        return Augment(resize_to=room)
    if given is False:
        return Augment(resize_to=view.room, flip=False, saturation=0, brightness=0)
    known = list(Augment.__dataclass_fields__)
    for option in given:
        if option not in known:
            raise UserError(f"Unknown option {option!r} of `augment`. Expected one of {known}.")
    return Augment(**{"resize_to": room, **given})
