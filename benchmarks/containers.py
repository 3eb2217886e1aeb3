"""How fast are the containers that people have, beside TFRecord?

    python benchmarks/containers.py speed
    python benchmarks/containers.py open --records 1000000

`speed`: images a second through the training input path (see `input_path.py`) from each
container of the same JPEGs of 128 pixels, in turns with our TFRecord, the median of five.
`open`: opening so many small records the second time, where an index is there if there is any,
and reading a thousand of them at random.
Needs h5py, lmdb, pyarrow and scikit-image. What was measured stands in docs/data-formats.md.
"""

import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from data.containers import (
    write_encoded_hdf5,
    write_lmdb,
    write_lmdb_of_paths,
    write_numbered_lmdb,
    write_tar,
    write_webdataset,
    write_zip,
)
from input_path import Photographs, Worker

from framl_keras.data.conversion import ConvertOptions, convert

SIDE, IMAGES, CLASSES = 128, 3072, 100
SMALL = b"\xff\xd8\xff" + b"x" * 40


@click.group()
def main() -> None:
    """How fast containers are beside TFRecord."""


def write_parquet(pairs, path):
    """Image structs and ClassLabel numbers in groups of a hundred rows, as `datasets` writes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    images = [{"bytes": image, "path": f"{row}.jpg"} for row, (image, _) in enumerate(pairs)]
    labels = [int(label) for _, label in pairs]
    names = [str(label) for label in range(max(labels) + 1)]
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"image": images, "label": labels}).replace_schema_metadata(about)
    pq.write_table(table, path, row_group_size=100)


@main.command()
@click.option("--rounds", default=5, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--only", default="", help="One container.")
def speed(rounds: int, threads: int, only: str) -> None:
    """Images a second of each container beside our TFRecord, in turns."""
    with tempfile.TemporaryDirectory() as folder:
        root, paths = Path(folder), {}
        photographs = Photographs(IMAGES, SIDE)
        samples = [photographs[index] for index in range(IMAGES)]
        for sample in samples:
            path = root / "folder" / f"{sample.label:02d}" / sample.key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(sample.image)
        convert(Photographs(IMAGES, SIDE), root / "x.tfrecord", ConvertOptions())
        pairs = [(sample.image, sample.label) for sample in samples]
        write_parquet(pairs, root / "x.parquet")
        for name, write in {
            "x.zip": write_zip,
            "x.tar": write_tar,
            "webdataset.tar": write_webdataset,
            "encoded.h5": write_encoded_hdf5,
            "paths.lmdb": write_lmdb_of_paths,
            "numbered.lmdb": write_numbered_lmdb,
        }.items():
            write(root / "folder", root / name)
        for path in sorted(root.iterdir()):
            if path.name.rpartition(".")[2] in ("folder", "zip", "tar", "h5", "lmdb", "parquet"):
                paths[path.name] = path
        chosen = [name for name in paths if only in name]
        for name in chosen:
            workers = [Worker("ours", path, threads) for path in (paths[name], root / "x.tfrecord")]
            speeds = [[worker.timed(24) for worker in workers] for _ in range(rounds)]
            for worker in workers:
                worker.stop()
            clock = [[pair.clock for pair in line] for line in speeds]
            here, rival = (statistics.median(column) for column in zip(*clock, strict=True))
            ratio = statistics.median(a / b for a, b in clock)
            print(f"{name:<16}{here:>8,.0f} {rival:>8,.0f} images/s: {ratio:.2f}", flush=True)


def open_twice(path) -> None:
    """Opens a container again and reads some of it, in this process."""
    from framl_keras.data.sources import open_source

    open_source(str(path))
    before, start = processor(), time.perf_counter()
    source = open_source(str(path))
    clock, taken = time.perf_counter() - start, processor() - before
    rows = np.random.default_rng(0).integers(len(source), size=1000)
    start = time.perf_counter()
    for row in rows.tolist():
        source[row]
    reads = 1000 / (time.perf_counter() - start)
    print(
        f"{path.name:<16}{len(source):>10,} records, {len(source.class_names):,} classes: "
        f"{clock:.2f} s, {taken:.2f} s of processor time here; {reads:,.0f} records/s",
        flush=True,
    )


def processor() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


@main.command("open")
@click.option("--records", default=1_000_000, show_default=True)
@click.option("--only", default="", help="One container.")
def open_large(records: int, only: str) -> None:
    """Opening a container of a million records."""
    rows = [(SMALL, number // 100) for number in range(records)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, write in {
            "x.parquet": write_parquet,
            "encoded.h5": _write_hdf5,
            "numbered.lmdb": _write_numbered,
            "paths.lmdb": _write_paths,
            "x.tar": _write_tar,
            "x.zip": _write_zip,
        }.items():
            if only in name:
                write(rows, root / name)
                open_twice(root / name)
                (root / name).unlink()


def _write_hdf5(rows, path):
    import h5py

    with h5py.File(path, "w") as file:
        images = np.frombuffer(b"".join(image for image, _ in rows), np.uint8)
        images = images.reshape(len(rows), -1)
        kind = h5py.vlen_dtype(np.uint8)
        encoded = np.empty(len(rows), dtype=object)
        encoded[:] = list(images)
        file.create_dataset("image", data=encoded, dtype=kind)
        file.create_dataset("label", data=np.array([label for _, label in rows]))


def _write_numbered(rows, path):
    pairs = [(b"num-samples", str(len(rows)).encode())]
    for number, (image, label) in enumerate(rows, 1):
        pairs.append((f"image-{number:09d}".encode(), image))
        pairs.append((f"label-{number:09d}".encode(), str(label).encode()))
    write_lmdb(path, pairs, 1 << 31)


def _write_paths(rows, path):
    pairs = [(f"{label}/{row}.jpg".encode(), image) for row, (image, label) in enumerate(rows)]
    write_lmdb(path, pairs, 1 << 31)


def _write_tar(rows, path):
    import io
    import tarfile

    with tarfile.open(path, "w") as archive:
        for row, (image, label) in enumerate(rows):
            member = tarfile.TarInfo(f"{label}/{row}.jpg")
            member.size = len(image)
            archive.addfile(member, io.BytesIO(image))


def _write_zip(rows, path):
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        for row, (image, label) in enumerate(rows):
            archive.writestr(f"{label}/{row}.jpg", image)


if __name__ == "__main__":
    main()
