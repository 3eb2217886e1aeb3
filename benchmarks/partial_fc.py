"""What does sampling a tenth of the classes save? Memory and time of a training step.

    KERAS_BACKEND=torch python benchmarks/partial_fc.py

The rival is the same head with every class in every step (`sample_rate` 1.0). Each runs in
a process of its own, so that the peak of its memory is its own; the first step, which
makes weights and compiles, is counted apart. Needs Linux, which can forget a peak.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

GIB = 2**20  # Linux counts KiB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 1.0])
    parser.add_argument("--only", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(measure(options, options.only)))
        return
    print(f"{options.classes:,} classes x {options.dim}, batch {options.batch}")
    results: dict = {}
    for rate in sorted(options.rates, reverse=True):  # the rival first
        results[rate] = run_alone(rate)
        print(describe(rate, results[rate], results.get(1.0)), flush=True)


def run_alone(rate: float) -> dict:
    command = [sys.executable, *sys.argv, "--only", str(rate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:] or [f"signal {-done.returncode}"]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def describe(rate: float, result: dict, rival: dict | None) -> str:
    if "failed" in result:
        return f"sample_rate {rate:<5g} failed: {result['failed'][0]}"
    line = (
        f"sample_rate {rate:<5g} {result['seconds']:7.2f} s a step, "
        f"{result['peak']:6.2f} GiB at its peak ({result['first']:.2f} until the first was done)"
    )
    if rival is None or rival is result or "failed" in rival:
        return line
    time_ratio = rival["seconds"] / result["seconds"]
    memory_ratio = rival["peak"] / result["peak"]
    return f"{line}; {time_ratio:.1f} times quicker, {memory_ratio:.1f} times less memory"


def measure(options: argparse.Namespace, rate: float) -> dict:
    """Seconds of a step and its peak in GiB, and the peak of all that came before."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import numpy as np

    model = build(options, rate)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(options.batch, options.dim)).astype(np.float32)
    seconds = []
    for _ in range(options.steps + 1):
        labels = rng.integers(0, options.classes, options.batch).astype(np.int32)
        start = time.perf_counter()
        loss = model.train_on_batch([x, labels], labels)
        seconds.append(time.perf_counter() - start)
        assert np.isfinite(float(loss)), keras.backend.backend()
        if len(seconds) == 1:
            first = peak_memory()
            forget_peak()
    return {"seconds": statistics.median(seconds[1:]), "peak": peak_memory(), "first": first}


def peak_memory() -> float:
    """The most that this process has held since the peak was forgotten, in GiB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / GIB


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def build(options: argparse.Namespace, rate: float):
    """A trainable Dense and the head: what a step costs beside the backbone."""
    import keras

    from framl_keras.layers import ArcMarginLayer, RowSGD
    from framl_keras.losses import as_given

    settings = {"learning_rate": 0.1, "momentum": 0.9}
    rows = {"sample_rate": rate, "row_optimizer": RowSGD(**settings)} if rate < 1.0 else {}
    x, label = keras.Input((options.dim,)), keras.Input((), dtype="int32")
    embedding = keras.layers.Dense(options.dim)(x)
    losses, _ = ArcMarginLayer(options.classes, **rows)(embedding, label, losses=True)
    model = keras.Model([x, label], losses)
    model.compile(keras.optimizers.SGD(**settings), as_given)
    return model


if __name__ == "__main__":
    main()
