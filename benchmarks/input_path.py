"""How fast is the training input path beside FRAML's tf.data pipeline and bare JPEG decoding?

    taskset -c 0,1 python benchmarks/input_path.py [--quick]

All three read the same JPEGs out of the same TFRecord file. Ours and FRAML's read, decode,
stretch to 128, crop 112 at random, flip, change saturation and brightness, and make batches
of 128; the bare decoder (libjpeg-turbo through simplejpeg) only decodes, on as many threads.
Each has a process of its own and rounds are interleaved; what counts are the ratios. Beside
the speed by the clock stands the one by processor time, which other work disturbs less.
Needs TensorFlow and scikit-image.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
import simplejpeg

from framl_keras.data.augment import Augment
from framl_keras.data.batches import TrainingBatches, training_stream
from framl_keras.data.conversion import ConvertOptions, convert
from framl_keras.data.sources import Sample, Source, open_source
from framl_keras.data.view import View

BATCH, SIZE, STRETCHED = 128, 112, 128


class Speed(NamedTuple):
    """Images per second, by the clock and by processor time."""

    clock: float
    processor: float


def timed(function, images):
    """The speed at which a call gets through so many images."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return Speed(images / (time.perf_counter() - clock), images / (time.process_time() - processor))


class Photographs(Source):
    """JPEGs cut out of a photograph of a face."""

    def __init__(self, count, side):
        from skimage.data import astronaut

        self._photograph, self._side = astronaut()[..., ::-1], side
        self.labels = np.arange(count) % 100
        self.class_names = [str(label) for label in range(100)]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        top, left = np.random.default_rng(index).integers(0, 512 - 200, 2)
        part = self._photograph[top : top + 200, left : left + 200]
        image = cv2.resize(part, (self._side, self._side), interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
        return Sample(data, int(self.labels[index]), f"{index}.jpg")


def ours(path, threads):
    """Our path, as training runs it; the call takes a number of batches."""
    batches = TrainingBatches(
        open_source(str(path)), BATCH, View(SIZE), Augment(resize_to=STRETCHED)
    )
    stream = training_stream(batches, threads=threads)
    return lambda count: [None for _ in islice(stream, count)]


def framls(path, threads):
    """FRAML's path, told again from its description: tf.data, parallel map, batch, prefetch."""
    import tensorflow as tf

    keys = {
        "image/source_id": tf.io.FixedLenFeature([], tf.int64),
        "image/filename": tf.io.FixedLenFeature([], tf.string),
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
    }

    def prepare(record):
        features = tf.io.parse_single_example(record, keys)
        image = tf.image.decode_jpeg(features["image/encoded"], channels=3)
        image = tf.image.resize(image, (STRETCHED, STRETCHED))
        image = tf.image.random_crop(image, (SIZE, SIZE, 3))
        image = tf.image.random_flip_left_right(image)
        image = tf.image.random_saturation(image, 0.6, 1.4)
        image = tf.image.random_brightness(image, 0.4)
        return image / 255, tf.cast(features["image/source_id"], tf.float32)

    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    records = tf.data.TFRecordDataset(str(path)).repeat().shuffle(1024)
    dataset = records.map(prepare, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH)
    stream = iter(dataset.prefetch(tf.data.AUTOTUNE).with_options(options))
    return lambda count: [None for _ in islice(stream, count)]


def bare(path, threads):
    """Nothing but libjpeg-turbo, over the same bytes in memory."""
    source = open_source(str(path))
    images = [source[position].image for position in range(len(source))]

    def decode(part):
        for image in part:
            simplejpeg.decode_jpeg(image)

    def run(count):
        wanted = (images * (1 + count * BATCH // len(images)))[: count * BATCH]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(decode, [wanted[start::threads] for start in range(threads)]))

    return run


class Worker:
    """One of the three in a process of its own, so that none works while another is timed."""

    def __init__(self, name, path, threads):
        command = [sys.executable, __file__, "--worker", name, str(path), "--threads", str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.timed(8)  # imports, fills queues, and lets tf.data tune itself

    def timed(self, count):
        """Its speed over so many batches."""
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return Speed(*map(float, self._process.stdout.readline().split()))

    def stop(self):
        self._process.stdin.close()
        self._process.wait()


def work(name, path, threads):
    """What such a process does: reads how many batches, answers with the speed."""
    run = {"ours": ours, "FRAML": framls, "bare": bare}[name](path, threads)
    for line in sys.stdin:
        run(16)  # empties the queues, which would be a start
        print(*timed(lambda line=line: run(int(line)), int(line) * BATCH), flush=True)


def compare(path, rounds, count, threads):
    """The median speed of each, rounds interleaved."""
    workers = {name: Worker(name, path, threads) for name in ("ours", "FRAML", "bare")}
    speeds = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            speeds[name].append(worker.timed(count))
            time.sleep(0.5)  # it fills its queues again, and is then at rest
    for worker in workers.values():
        worker.stop()
    return {
        name: Speed(*(statistics.median(column) for column in zip(*seen, strict=True)))
        for name, seen in speeds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round of a few batches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return work(*arguments.worker, arguments.threads)
    rounds, count = (1, 8) if arguments.quick else (5, 24)
    print(f"{arguments.threads} threads, images/s: by the clock | by processor time")
    titles = ("ours", "FRAML", "bare", "ours/FRAML", "ours/bare")
    print(f"{'stored side':<12}" + "".join(f"{title:>16}" for title in titles))
    with tempfile.TemporaryDirectory() as folder:
        for side in (STRETCHED, SIZE):
            path = Path(folder) / f"{side}.tfrecord"
            convert(Photographs(1024 if arguments.quick else 3072, side), path, ConvertOptions())
            speeds = compare(path, rounds, count, arguments.threads)
            print(row(side, speeds), flush=True)


def row(side, speeds):
    """A line of the table."""
    cells = [f"{s.clock:,.0f} | {s.processor:,.0f}" for s in speeds.values()]
    for rival in ("FRAML", "bare"):
        ratios = (a / b for a, b in zip(speeds["ours"], speeds[rival], strict=True))
        cells.append(" | ".join(f"{ratio:.2f}" for ratio in ratios))
    return f"{side:<12}" + "".join(f"{cell:>16}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
