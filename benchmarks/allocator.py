"""What does keeping freed memory give? Images per second and peak memory, with and without.

    KERAS_BACKEND=tensorflow python benchmarks/allocator.py --backbone ResNet50
    KERAS_BACKEND=torch python benchmarks/allocator.py --backbone MobileNetV2 --work predict

`keep` is as framl_keras sets glibc, `system` as it is by itself (FRAML_KERAS_ALLOCATOR=system);
`legacy`, on TensorFlow, is the same network of `tf_keras` under its `fit`, which nothing sets.
`--preload LIBRARY` adds a process with another allocator, such as libtcmalloc.so.4. Each is a
process of its own; they take turns, one at work at a time, and medians are shown.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from train_step import SIZE, batch_of, legacy, worker

MIB = 2**10  # of ru_maxrss


class Turn(NamedTuple):
    """Seconds of one turn; peak memory and page faults of the process up to its end."""

    seconds: float
    memory: int
    faults: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="MobileNetV2")
    parser.add_argument("--work", default="train", choices=["train", "predict"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=5, help="Batches in a turn.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--legacy", action="store_true", help="Adds tf.keras' own fit.")
    parser.add_argument("--preload", help="A library of another allocator, as a further variant.")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        take_turns(work_of(options), options.steps)
        return
    variants = {"system": {"FRAML_KERAS_ALLOCATOR": "system"}, "keep": {}}
    if options.legacy:
        variants["legacy"] = {"FRAML_KERAS_ALLOCATOR": "system"}
    if options.preload:
        variants["preload"] = {"LD_PRELOAD": options.preload}
    print(describe(options, race(options, variants)))


def race(options: argparse.Namespace, variants: dict[str, dict[str, str]]) -> dict[str, list[Turn]]:
    """The turns of each variant, of which the first one compiles."""
    processes = {name: start(name, environment) for name, environment in variants.items()}
    turns: dict[str, list[Turn]] = {name: [] for name in processes}
    for _ in range(options.rounds + 1):
        for name, process in processes.items():
            turns[name].append(turn(name, process))
    for process in processes.values():
        process.communicate()
    return turns


def start(name: str, environment: dict[str, str]) -> subprocess.Popen:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, *sys.argv, "--only", name],
        env={**os.environ, **environment},
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def turn(name: str, process: subprocess.Popen) -> Turn:
    process.stdin.write("go\n")
    process.stdin.flush()
    while line := process.stdout.readline():
        if line.startswith("turn "):
            _, seconds, memory, faults = line.split()
            return Turn(float(seconds), int(memory), int(faults))
    raise SystemExit(f"{name} ended by itself; run it alone with --only {name}")


def take_turns(work: Callable[[int], None], steps: int) -> None:
    """A worker: some batches for each line that comes in."""
    for _ in sys.stdin:
        begin = time.perf_counter()
        work(steps)
        seconds = time.perf_counter() - begin
        used = resource.getrusage(resource.RUSAGE_SELF)
        print("turn", seconds, used.ru_maxrss, used.ru_minflt, flush=True)


def work_of(options: argparse.Namespace) -> Callable[[int], None]:
    """A function that trains on, or embeds, so many batches."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.only == "legacy":
        return legacy(options)
    if options.work == "train":
        return worker("fit", options)
    import framl_keras

    model = framl_keras.create_embedder(options.backbone, (SIZE, SIZE, 3))
    pixels, _ = batch_of(options)

    def predict(steps: int) -> None:
        for _ in range(steps):
            model.predict_on_batch(pixels)

    return predict


def describe(options: argparse.Namespace, found: dict[str, list[Turn]]) -> str:
    images = options.batch * options.steps
    backend = os.environ.get("KERAS_BACKEND", "")
    lines = [
        f"{options.work} {options.backbone} on {backend}, batch {options.batch} at {SIZE} px, "
        f"{os.cpu_count()} cores, median of {options.rounds} turns"
    ]
    rates = {
        name: sorted(images / each.seconds for each in turns[1:]) for name, turns in found.items()
    }
    for name, turns in found.items():
        rate, memory = statistics.median(rates[name]), turns[-1].memory
        faults = (turns[-1].faults - turns[0].faults) / (options.rounds * options.steps)
        lines.append(
            f"{name:8} {rate:7.1f} images/s ({rates[name][0]:.1f} to {rates[name][-1]:.1f}), "
            f"{rate / statistics.median(rates['system']):5.2f} x system; {memory / MIB:6.0f} MiB "
            f"at most, {memory / found['system'][-1].memory:4.2f} x; {faults:8.0f} faults a batch"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
