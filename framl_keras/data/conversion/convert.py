"""Converts a source to files of records."""

import hashlib
import os
import time
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
from framl_keras.data.records.index import SUFFIX, store_index
from framl_keras.data.sources.detect import open_source
from framl_keras.data.sources.shards import shard_names
from framl_keras.data.sources.source import Source
from framl_keras.errors import UserError

_CHUNK = 64  # samples that a thread encodes at a time
_SAVE_EVERY = 2.0  # seconds


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
    progress_path = destination.with_name(f".{destination.name}.progress.json")
    if overwrite:
        _remove([progress_path, manifest_path(destination), *files, *map(_partial, files)])
    _refuse_existing(destination, files, progress_path)
    task = _task(source, options, location)
    progress = Progress(progress_path, task, len(files))
    _refuse_left_out(progress, options.on_error)
    encoder = RecordEncoder(source, options.online, options.resize)
    order = np.random.default_rng(options.seed).permutation(len(source))
    try:
        with tqdm(total=len(source), unit="img", desc=destination.name) as bar:
            bar.update(sum(shard.position for shard in progress.shards))
            for number, part in enumerate(np.array_split(order, len(files))):
                if not progress.shards[number].done:
                    _ShardTask(files[number], part, encoder, options, bar).run(progress, number)
        _refuse_empty(progress, location, [progress_path, *files])
        manifest = _manifest(open_source(str(destination)), source, task, files, progress.shards)
        manifest.save(destination)
    except OSError as error:
        raise UserError(
            f"{destination}: cannot be written: {error.strerror or error}. Mend that and repeat "
            "the command; it goes on where it was."
        ) from None
    progress.remove()
    return manifest


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


def _refuse_empty(progress: Progress, location: str, files: list[Path]) -> None:
    """Refuses a conversion of which nothing is left, and removes what it wrote."""
    if not any(shard.records for shard in progress.shards):
        first = next(message for shard in progress.shards for message in shard.skipped)
        _remove(files)
        raise UserError(f"{location}: none of its images could be read, the first: {first}")


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
        path.with_name(path.name + SUFFIX).unlink(missing_ok=True)


def _refuse_existing(destination: Path, files: list[Path], progress: Path) -> None:
    """Refuses to write over complete data; files of an interrupted conversion are its own."""
    existing = next((file for file in files if file.exists()), None)
    if existing and not progress.exists():
        raise UserError(
            f"{existing} exists already. Choose another destination, or replace it with "
            "--overwrite."
        )


def _task(source: Source, options: ConvertOptions, location: str) -> dict[str, Any]:
    """What identifies a conversion: the options and the source's labels and names."""
    names = "\0".join(source.class_names).encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(np.ascontiguousarray(source.labels, dtype="<i8").tobytes() + names)
    ways = ("jobs", "on_error")  # may change between two attempts
    choices = {key: value for key, value in asdict(options).items() if key not in ways}
    return {"source": location, "labels_and_names": digest.hexdigest(), **choices}


def _manifest(
    written: Source,
    source: Source,
    task: dict[str, Any],
    files: list[Path],
    shards: list[ShardProgress],
) -> Manifest:
    return Manifest(
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
