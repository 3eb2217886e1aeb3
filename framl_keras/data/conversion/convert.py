"""Converts a source to files of records."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from framl_keras.data.conversion.encoding import Encoded, RecordEncoder
from framl_keras.data.conversion.manifest import Manifest, manifest_path
from framl_keras.data.conversion.options import ConvertOptions
from framl_keras.data.conversion.progress import Progress, ShardProgress
from framl_keras.data.conversion.writers import WRITERS, ShardWriter
from framl_keras.data.parallel import ordered_map
from framl_keras.data.parts import Part, WrittenPart, all_parts, facts_of, parts_of
from framl_keras.data.records.index import SUFFIX, store_index
from framl_keras.data.sources.detect import open_source
from framl_keras.data.sources.shards import shard_names
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError

_CHUNK = 64  # samples that a thread encodes at a time
_SAVE_EVERY = 2.0  # seconds
_PART = ".progress.json"  # how names of parts' progress end


def convert(
    source: Source,
    destination: Path,
    options: ConvertOptions,
    location: str = "",
    overwrite: bool = False,
) -> Manifest:
    """Writes all samples of a source in a seeded random order.

    Interrupted, it leaves no file under a final name that is not complete; the
    same call goes on where it was.

    Args:
        source: the samples.
        destination: the file, or the common name of the shards.
        options: how records are written.
        location: where the source is, for the manifest.
        overwrite: replace what is there and forget interrupted attempts.

    Raises:
        UserError: if the destination exists, an image cannot be read, or the disk is full.
    """
    files = shard_names(destination, options.shard_count(len(source)))
    progress_path = _progress_path(destination)
    if overwrite:
        _remove([progress_path, manifest_path(destination), *files, *map(_partial, files)])
    task = _task(source, options, location)
    progress = _begin(progress_path, task, files, options)
    with _told_as_ours(destination):
        _write(source, destination, files, options, progress, slice(0, len(files)))
        _refuse_empty(progress.shards, location, [progress_path, *files])
        manifest = _manifest(destination, source, task, files, progress.shards)
    progress.remove()
    return manifest


def convert_part(
    source: Source,
    destination: Path,
    options: ConvertOptions,
    part: Part,
    location: str = "",
    overwrite: bool = False,
) -> WrittenPart:
    """Writes the files of one part, which are those that one process would have written.

    A part whose files are there is left alone; see `convert` for the arguments.

    Raises:
        UserError: if there are fewer files than parts, or what `convert` raises.
    """
    names = shard_names(destination, options.shard_count(len(source)))
    if len(names) < part.count:
        raise UserError(
            f"--part {part.index}/{part.count}: parts are of whole files, and there would be "
            f"{len(names)}. Take --shards {part.count} or more, or fewer parts."
        )
    chosen = part.within(len(names))
    files, progress_path = names[chosen], part.file(destination, _PART)
    if overwrite:
        _remove([progress_path, *files, *map(_partial, files)])
    progress_path.parent.mkdir(parents=True, exist_ok=True)
    progress = _begin(progress_path, _task(source, options, location), files, options)
    is_new = not all(shard.done for shard in progress.shards)
    with _told_as_ours(destination):
        _write(source, destination, names, options, progress, chosen)
    left_out = [message for shard in progress.shards for message in shard.skipped]
    return WrittenPart(progress_path, is_new, {line: line for line in left_out})


def join_parts(
    source: Source, destination: Path, options: ConvertOptions, location: str = ""
) -> Manifest:
    """The manifest of a destination all of whose parts are there; see `convert`.

    Raises:
        UserError: if a part is missing or not complete, or of another task.
    """
    files = shard_names(destination, options.shard_count(len(source)))
    task, kept = _task(source, options, location), all_parts(destination, "data convert", _PART)
    shards: list[ShardProgress] = []
    for at, path in enumerate(kept, 1):
        rows = Part(at, len(kept)).within(len(files))
        count = rows.stop - rows.start
        of_part = Progress(path, task, count).shards
        if len(of_part) != count or not all(shard.done for shard in of_part):
            raise UserError(f"{path}: not complete. Repeat: data convert … --part {at}/{len(kept)}")
        shards += of_part
    _refuse_empty(shards, location, [*kept, *files])
    with _told_as_ours(destination):
        manifest = _manifest(destination, source, task, files, shards)
    shutil.rmtree(parts_of(destination))
    return manifest


def _begin(
    path: Path, task: dict[str, Any], files: list[Path], options: ConvertOptions
) -> Progress:
    """The progress to go on with, where files may be written."""
    _refuse_existing(files, path)
    progress = Progress(path, task, len(files))
    _refuse_left_out(progress, options.on_error)
    return progress


def _write(
    source: Source,
    destination: Path,
    files: list[Path],
    options: ConvertOptions,
    progress: Progress,
    own: slice,
) -> None:
    """Writes those of all files that are one's own, but what an earlier attempt wrote."""
    encoder = RecordEncoder(source, options.online, options.resize)
    order = np.random.default_rng(options.seed).permutation(len(source))
    parts = np.array_split(order, len(files))[own]
    with tqdm(total=sum(map(len, parts)), unit="img", desc=destination.name) as bar:
        bar.update(sum(shard.position for shard in progress.shards))
        for number, (file, part) in enumerate(zip(files[own], parts, strict=True)):
            if not progress.shards[number].done:
                _ShardTask(file, part, encoder, options, bar).run(progress, number)


@contextlib.contextmanager
def _told_as_ours(destination: Path) -> Iterator[None]:
    """A full disk and its like, with what to do."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{destination}: cannot be written: {error.strerror or error}. Mend that and repeat "
            "the command; it goes on where it was."
        ) from None


class _ShardTask:
    """Writes one file."""

    def __init__(
        self,
        path: Path,
        order: np.ndarray,
        encoder: RecordEncoder,
        options: ConvertOptions,
        bar: "tqdm[Any]",
    ):
        self._path, self._order, self._bar = path, order, bar
        self._encoder, self._options = encoder, options

    def run(self, progress: Progress, number: int) -> None:
        """Writes what is missing, saving the progress now and then, and renames the file."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        writer_class = WRITERS[self._options.format]
        shard = self._kept(progress.shards[number], writer_class.resumable)
        progress.shards[number] = shard
        writer = writer_class(_partial(self._path), shard.size)
        try:
            self._write(writer, shard, progress)
        except BaseException:  # Ctrl-C too: keep what is there, then pass it on
            self._leave(writer, progress)
            raise
        index = writer.close()
        shard.size, shard.done = writer.size, True
        os.replace(_partial(self._path), self._path)
        progress.save()
        store_index(self._path, index, writer.kind)

    def _kept(self, shard: ShardProgress, resumable: bool) -> ShardProgress:
        """The progress if the temporary file is still there to go on with, or a fresh one."""
        partial = _partial(self._path)
        if resumable and partial.is_file() and partial.stat().st_size >= shard.size:
            return shard
        self._bar.update(-shard.position)
        return ShardProgress()

    def _write(self, writer: ShardWriter, shard: ShardProgress, progress: Progress) -> None:
        rest = self._order[shard.position :]
        chunks = [rest[at : at + _CHUNK] for at in range(0, len(rest), _CHUNK)]
        saved = time.monotonic()
        for chunk, results in zip(
            chunks, ordered_map(self._encode, chunks, self._options.jobs), strict=True
        ):
            records = [result for result in results if isinstance(result, Encoded)]
            writer.write(records)
            shard.skipped += [result for result in results if isinstance(result, str)]
            shard.add_digest(sum(record.digest for record in records))
            shard.records += len(records)
            shard.position, shard.size = shard.position + len(chunk), writer.size
            self._bar.update(len(chunk))
            if writer.resumable and time.monotonic() - saved > _SAVE_EVERY:
                writer.flush()
                progress.save()
                saved = time.monotonic()

    def _encode(self, positions: np.ndarray) -> list[Encoded | str]:
        """The records of some samples, or what is wrong with them."""
        return [self._encode_one(int(position)) for position in positions]

    def _encode_one(self, position: int) -> Encoded | str:
        try:
            return self._encoder.encode(position)
        except UserError as error:
            if self._options.on_error == "raise":
                raise UserError(
                    f"{error} Then repeat the command, which goes on where it was, or leave out "
                    "what cannot be read with --on-error skip."
                ) from None
            return str(error)

    def _leave(self, writer: ShardWriter, progress: Progress) -> None:
        """Keeps the unfinished file if it can be gone on with; one that cannot is removed."""
        if writer.resumable:
            writer.flush()
        else:
            _partial(self._path).unlink(missing_ok=True)
        progress.save()


def _refuse_left_out(progress: Progress, on_error: str) -> None:
    """Refuses to go on with what an attempt left out if nothing may be left out now."""
    skipped = [message for shard in progress.shards for message in shard.skipped]
    if skipped and on_error == "raise":
        raise UserError(
            f"{progress.path}: the interrupted attempt left out {len(skipped)} images, the first: "
            f"{skipped[0]} Go on with --on-error skip, or start anew with --overwrite."
        )


def _refuse_empty(shards: list[ShardProgress], location: str, files: list[Path]) -> None:
    """Refuses a conversion of which nothing is left, and removes what it wrote."""
    if not any(shard.records for shard in shards):
        first = next(message for shard in shards for message in shard.skipped)
        _remove(files)
        raise UserError(f"{location}: none of its images could be read, the first: {first}")


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        path.with_name(path.name + SUFFIX).unlink(missing_ok=True)


def _refuse_existing(files: list[Path], progress: Path) -> None:
    """Refuses to write over complete data; files of an interrupted conversion are its own."""
    existing = next((file for file in files if file.exists()), None)
    if existing and not progress.exists():
        raise UserError(
            f"{existing} exists already. Choose another destination, or replace it with "
            "--overwrite."
        )


def _task(source: Source, options: ConvertOptions, location: str) -> dict[str, Any]:
    """What identifies a conversion: the options and the source's labels and names."""
    ways = ("jobs", "on_error")  # may change between two attempts
    choices = {key: value for key, value in asdict(options).items() if key not in ways}
    return {**facts_of(source, location), **choices}


def _progress_path(destination: Path) -> Path:
    return destination.with_name(f".{destination.name}.progress.json")


def _manifest(
    destination: Path,
    source: Source,
    task: dict[str, Any],
    files: list[Path],
    shards: list[ShardProgress],
) -> Manifest:
    """What was written, kept beside it."""
    written = open_source(str(destination))
    manifest = Manifest(
        task=task,
        records=sum(shard.records for shard in shards),
        classes=len(written.class_names),
        class_names=list(written.class_names),
        images_per_class=np.bincount(written.labels).tolist(),
        content=f"{sum(int(shard.digest, 16) for shard in shards) % 2**256:064x}",
        shards=[
            {"file": file.name, "records": shard.records, "bytes": shard.size}
            for file, shard in zip(files, shards, strict=True)
        ],
        skipped=[message for shard in shards for message in shard.skipped],
        left_out=[str(item) for item in source.left_out],
    )
    manifest.save(destination)
    return manifest
