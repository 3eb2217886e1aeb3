"""Does a file of a million records open at once, and does reading it take no memory?

    python benchmarks/open_large.py [--records 1000000]

Writes a TFRecord file of small records, indexes it, and then, each in a process of its own:
opens it with a warm index, and iterates over it for ten epochs' worth of random samples,
watching the memory. The rival is TensorFlow counting the records of the same file, which is
what one does who has no index. Needs Linux.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from framl_keras.data.records.example import Record, serialize
from framl_keras.data.records.tfrecord import frame

OPEN = """
import sys, time
from framl_keras.data.sources import open_source
start = time.perf_counter()
source = open_source(sys.argv[1])
taken = time.perf_counter() - start
print(f"{len(source):,} records, {len(source.class_names):,} classes: {taken:.2f} s")
"""
ITERATE = """
import resource, sys
import numpy as np
from framl_keras.data.sources import open_source
def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6
source = open_source(sys.argv[1])
rng, seen = np.random.default_rng(0), []
for epoch in range(10):
    for position in rng.integers(len(source), size=20_000).tolist():
        source[position]
    seen.append(megabytes())
print("MB after each epoch:", " ".join(f"{m:.1f}" for m in seen))
"""
COUNT = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
start = time.perf_counter()
count = sum(1 for _ in tf.data.TFRecordDataset(sys.argv[1]))
print(f"{count:,} records counted: {time.perf_counter() - start:.2f} s")
"""


def write(path, records):
    """Records of a hundred bytes or so, a hundred for each class."""
    with path.open("wb", buffering=1 << 20) as file:
        for number in range(records):
            name = f"{number // 100}/{number}.jpg"
            file.write(frame(serialize(Record(number // 100, name, b"\xff\xd8\xff" + b"x" * 40))))


def in_a_process(title, code, path):
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    print(f"{title:<28}{done.stdout.strip() or done.stderr.strip()[-200:]}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for records in (arguments.records // 10, arguments.records):
            path = Path(folder) / f"{records}.tfrecord"
            start = time.perf_counter()
            write(path, records)
            print(
                f"{path.stat().st_size / 1e6:.0f} MB written in {time.perf_counter() - start:.0f} s"
            )
            in_a_process("first opening, indexed", OPEN, path)
            in_a_process("opening with a warm index", OPEN, path)
            in_a_process("TensorFlow, no index", COUNT, path)
            in_a_process("random reads", ITERATE, path)


if __name__ == "__main__":
    sys.exit(main())
