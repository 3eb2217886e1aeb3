"""What does identification cost beyond the matrix product that it cannot do without?

    python benchmarks/identification.py [--quick]

The rival is the bare product of normalized probes and gallery in the same blocks, whose
scores are thrown away.
"""

import argparse
import statistics
import time
import tracemalloc

import numpy as np

from framl_keras.evaluation.identification import GALLERY_BLOCK, PROBE_BLOCK, identify

DIM = 512


def people(count, seed):
    """Unit vectors, float32 `(count, DIM)`, scattered about one center for each identity."""
    vectors = np.random.default_rng(0).normal(size=(count, DIM)).astype(np.float32)
    vectors += np.random.default_rng(seed).normal(size=vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def bare_product(gallery, probes):
    """All scores, block by block, kept no longer than a block."""
    for start in range(0, len(gallery), GALLERY_BLOCK):
        block = gallery[start : start + GALLERY_BLOCK].T
        for first in range(0, len(probes), PROBE_BLOCK):
            probes[first : first + PROBE_BLOCK] @ block


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a gallery of 20,000, 2,000 probes")
    quick = parser.parse_args().quick
    num_gallery, num_probes, times = (20_000, 2_000, 3) if quick else (100_000, 10_000, 3)
    gallery, probes = people(num_gallery, 1), people(num_probes, 2)
    gallery_ids = np.arange(num_gallery)
    probe_ids = np.where(np.arange(num_probes) % 5 > 0, np.arange(num_probes), -1)  # a fifth: none
    slow, fast = [], []
    for _ in range(times):  # in turns, so that both meet the same disturbances
        for taken, function in (
            (fast, lambda: identify(gallery, gallery_ids, probes, probe_ids)),
            (slow, lambda: bare_product(gallery, probes)),
        ):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    tracemalloc.start()
    identify(gallery, gallery_ids, probes[:1000], probe_ids[:1000])
    grown = tracemalloc.get_traced_memory()[1] / 2**20
    bare, whole = statistics.median(slow), statistics.median(fast)
    print(
        f"cos, gallery {num_gallery:,} x probes {num_probes:,} x {DIM}, float32, median of {times}"
    )
    print(
        f"bare blocked product {bare:.2f} s, identification {whole:.2f} s, ratio {whole / bare:.2f}"
    )
    print(f"peak memory beyond the vectors, 1,000 probes: {grown:.0f} MiB")


if __name__ == "__main__":
    main()
