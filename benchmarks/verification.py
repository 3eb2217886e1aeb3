"""How much faster than FRAML's way is verification, and how much memory does it take?

    python benchmarks/verification.py [--quick]

The rival is FRAML's way of computing, told again in `tests/evaluation/framl_reference.py`:
SciPy called for each pair, NumPy for each threshold and fold. Both give the same numbers,
which is checked here too.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "evaluation"))

import framl_reference as rival
from faces import pairs_of_faces

from framl_keras.evaluation import SIMILARITIES, distances, verify
from framl_keras.evaluation.folds import consecutive_folds
from framl_keras.evaluation.protocol import exact_folds

PAIRS, DIM = 6000, 512


def seconds(function, times):
    """The medians of several calls: seconds on the clock, and of all cores together.

    The second is what counts on a machine that is busy with something else.
    """
    clock, cores = [], []
    for _ in range(times):
        start, before = time.perf_counter(), time.process_time()
        function()
        clock.append(time.perf_counter() - start)
        cores.append(time.process_time() - before)
    return np.array([statistics.median(clock), statistics.median(cores)])


def framl_protocol(quick):
    """All six similarities under the `framl` protocol."""
    embeddings, is_same = pairs_of_faces(PAIRS, DIM, noise=2.5)
    print(f"framl protocol, {PAIRS} pairs x {DIM}, float64, seconds")
    print(f"{'similarity':<12} {'SciPy loops':>12} {'framl_keras':>12} {'ratio':>7} {'of CPU':>7}")
    totals = np.zeros((2, 2))
    for name in SIMILARITIES:
        expected = rival.evaluate(rival.distances(embeddings, name), is_same)[0]
        found = verify(embeddings, None, is_same, name, "framl", bootstrap=0)
        if not np.array_equal(found.folds.accuracy, expected):
            sys.exit(f"{name}: the accuracies differ")

        def by_loops(name=name):
            rival.evaluate(rival.distances(embeddings, name), is_same)

        def by_blocks(name=name):
            verify(embeddings, None, is_same, name, "framl", bootstrap=0)

        slow, fast = seconds(by_loops, 1 if quick else 3), seconds(by_blocks, 7)
        totals += slow, fast
        print_line(name, slow, fast)
    print_line("all six", *totals)
    print()


def print_line(name, slow, fast):
    (ratio, of_cpu) = slow / fast
    print(f"{name:<12} {slow[0]:12.3f} {fast[0]:12.4f} {ratio:7.1f} {of_cpu:7.1f}")


def fourier_correlation(quick):
    """Microseconds a pair of `fft_corr`, in turns with SciPy's loop."""
    embeddings, _ = pairs_of_faces(PAIRS, DIM)
    pairs = np.arange(2 * PAIRS).reshape(-1, 2)
    few = embeddings[:2000]
    slow, fast = [], []
    for _ in range(3 if quick else 9):
        slow.append(seconds(lambda: rival.distances(few, "fft_corr"), 1) / 1000)
        fast.append(seconds(lambda: distances(embeddings, pairs, "fft_corr"), 1) / PAIRS)
    slow_us, fast_us = (1e6 * np.median(taken, axis=0) for taken in (slow, fast))
    ratio, of_cpu = slow_us / fast_us
    print(
        f"fft_corr a pair: SciPy's loop {slow_us[0]:.1f} us, framl_keras {fast_us[0]:.2f} us, "
        f"ratio {ratio:.1f}, of CPU time {of_cpu:.1f} on {os.cpu_count()} cores\n"
    )


def exact_protocol(quick):
    """Time over n log n, and against scikit-learn's ROC of each fold's training pairs."""
    from sklearn.metrics import roc_curve

    print("exact protocol, seconds")
    print(
        f"{'pairs':>9} {'roc_curve a fold':>17} {'framl_keras':>12} {'ratio':>6} {'ns/n log n':>11}"
    )
    rng = np.random.default_rng(0)
    for count in (50_000, 200_000, 800_000)[: 2 if quick else 3]:
        is_same, fold = rng.random(count) < 0.5, consecutive_folds(count)
        distance = rng.random(count) + 0.3 * ~is_same

        def by_scikit_learn(is_same=is_same, distance=distance, fold=fold):
            for number in range(10):
                roc_curve(is_same[fold != number], -distance[fold != number])

        slow = seconds(by_scikit_learn, 1)[0]
        fast = seconds(lambda d=distance, s=is_same, f=fold: exact_folds(d, s, f), 3)[0]
        normal = 1e9 * fast / (count * np.log2(count))
        print(f"{count:>9} {slow:17.3f} {fast:12.3f} {slow / fast:6.1f} {normal:11.2f}")
    print()


def memory(quick):
    """Peak memory of a million pairs beyond the embeddings, each in a process of its own."""
    print("a million pairs of 20,000 embeddings of 512 float32, both protocols, with intervals")
    names = ("cos", "fft_corr") if quick else SIMILARITIES
    for name in names:
        command = [sys.executable, __file__, "--memory-of", name]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def memory_of(name):
    """Prints how far the peak memory grows while a million pairs are verified."""
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal(size=(20_000, DIM), dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    pairs = rng.integers(len(embeddings), size=(1_000_000, 2))
    is_same = rng.random(len(pairs)) < 0.5
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    for protocol in ("exact", "framl"):
        verify(embeddings, pairs, is_same, name, protocol, bootstrap=20)
    taken = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{name:<12} {grown:6.0f} MiB of 1024, ratio {grown / 1024:.2f}, {taken:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        memory_of(arguments.memory_of)
        return
    for question in (framl_protocol, fourier_correlation, exact_protocol, memory):
        question(arguments.quick)


if __name__ == "__main__":
    main()
