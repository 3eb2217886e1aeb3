"""Is conversion at least as fast as FRAML's converter, and how near is it to the disk?

    python benchmarks/convert.py [--quick]

The rival reads each file, builds a `tf.train.Example` and writes it by `tf.io.TFRecordWriter`,
as FRAML's converter does. The floor is a copy of the same bytes into one file. Rounds are
interleaved; what counts are the ratios. Needs TensorFlow.
"""

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.sources import ImageFolder

BYTES = 6000  # of a 112x112 JPEG


def make_files(root, count):
    """Files of the size of face crops, ten for each person; their content does not matter."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = root / str(number // 10) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff" + rng.bytes(BYTES))


def ours(root, destination, options):
    with contextlib.redirect_stderr(io.StringIO()):
        convert(ImageFolder(root), destination, options, overwrite=True)


def framls(root, destination):
    import tensorflow as tf

    def feature(value):
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

    files = [path for person in root.iterdir() for path in person.glob("*.jpg")]
    np.random.default_rng(0).shuffle(files)
    with tf.io.TFRecordWriter(str(destination)) as writer:
        for path in files:
            name = f"{path.parent.name}/{path.name}".encode()
            features = {
                "image/source_id": feature(int(path.parent.name)),
                "image/filename": feature(name),
                "image/encoded": feature(path.read_bytes()),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def copied(root, destination):
    """The same bytes from the same files into one, and nothing else."""
    with destination.open("wb") as out:
        for person in root.iterdir():
            for path in person.iterdir():
                out.write(path.read_bytes())
        out.flush()
        os.fsync(out.fileno())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of few files")
    arguments = parser.parse_args()
    count, rounds = (1000, 1) if arguments.quick else (5000, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder / "faces", count)
        seconds = measure(folder, rounds)
    print(f"{count} files of {BYTES} bytes, records/s by the clock | by processor time")
    framl = medians(seconds["FRAML"])
    for title, taken in seconds.items():
        speeds = " | ".join(f"{count / second:,.0f}" for second in medians(taken))
        ratios = " | ".join(f"{a / b:.2f}" for a, b in zip(framl, medians(taken), strict=True))
        print(f"{title:<20}{speeds:>18}   {ratios} x FRAML")


def medians(taken):
    """The median by the clock and by processor time."""
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def measure(folder, rounds):
    """The seconds that each way takes, rounds interleaved."""
    faces = folder / "faces"
    ways = {
        "FRAML": lambda: framls(faces, folder / "framl.tfrecord"),
        "ours, TFRecord": lambda: ours(faces, folder / "x.tfrecord", ConvertOptions()),
        "ours, 2 threads": lambda: ours(faces, folder / "y.tfrecord", ConvertOptions(jobs=2)),
        "ours, ArrayRecord": lambda: ours(
            faces, folder / "x.arrayrecord", ConvertOptions("arrayrecord")
        ),
        "plain copy": lambda: copied(faces, folder / "copy"),
    }
    ways["FRAML"]()  # imports TensorFlow
    seconds = {title: [] for title in ways}
    for _ in range(rounds):
        for title, way in ways.items():
            clock, processor = time.perf_counter(), time.process_time()
            way()
            seconds[title].append((time.perf_counter() - clock, time.process_time() - processor))
    return seconds


if __name__ == "__main__":
    sys.exit(main())
