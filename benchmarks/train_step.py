"""What does a training step cost? Images per second of each mode, beside a bare loop and rivals.

    KERAS_BACKEND=tensorflow python benchmarks/train_step.py --backbone ResNet50

Rivals: `bare`, Keras' own `fit` of the same model on batches in memory, without callbacks, and
on TensorFlow `legacy`, the same network of `tf_keras` (pip install tf-keras) under its `fit`.
All three get their batches without tf.data's tuner, for which the end of a `fit` may wait.
`unfused` is ours with `train.fused_batch_norm` off. Each is a process of its own; they take
turns, one at work at a time, and the ratios are of medians over the rounds.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

VARIANTS = ("bare", "fit", "eager", "unfused", "legacy")
SIZE = 112


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="MobileNetV2", choices=["MobileNetV2", "ResNet50"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=10, help="Steps in a turn.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        take_turns(worker(options.only, options), options.steps)
        return
    if os.environ.get("KERAS_BACKEND") != "tensorflow":
        options.variants = [name for name in options.variants if name != "legacy"]
    print(describe(options, race(options)))


def race(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each turn of each variant, after a first one that compiles."""
    processes = {name: start(name) for name in options.variants}
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(options.rounds + 1):
        for name, process in processes.items():
            seconds[name].append(turn(name, process))
    for process in processes.values():
        process.communicate()
    return {name: times[1:] for name, times in seconds.items()}


def start(name: str) -> subprocess.Popen:
    command = [sys.executable, *sys.argv, "--only", name]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)


def turn(name: str, process: subprocess.Popen) -> float:
    process.stdin.write("go\n")
    process.stdin.flush()
    while line := process.stdout.readline():
        if line.startswith("seconds "):
            return float(line.split()[1])
    raise SystemExit(f"{name} ended by itself; run it alone with --only {name}")


def take_turns(train: Callable[[int], None], steps: int) -> None:
    """A worker: trains some steps for each line that comes in."""
    for _ in sys.stdin:
        begin = time.perf_counter()
        train(steps)
        print("seconds", time.perf_counter() - begin, flush=True)


def describe(options: argparse.Namespace, seconds: dict[str, list[float]]) -> str:
    images = options.batch * options.steps
    rates = {name: images / statistics.median(times) for name, times in seconds.items()}
    backend = os.environ.get("KERAS_BACKEND", "")
    lines = [
        f"{options.backbone} on {backend}, batch {options.batch} at {SIZE} px, "
        f"{options.classes} classes, median of {options.rounds}"
    ]
    rivals = [name for name in ("bare", "legacy") if name in rates]
    for name, rate in rates.items():
        ratios = "".join(f"  {rate / rates[rival]:5.2f} x {rival}" for rival in rivals)
        lines.append(f"{name:8} {rate:7.1f} images/s{ratios}")
    return "\n".join(lines)


def worker(name: str, options: argparse.Namespace) -> Callable[[int], None]:
    """A function that trains so many steps."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if name == "legacy":
        return legacy(options)
    from framl_keras.data.sources import open_source
    from framl_keras.recipe import Recipe
    from framl_keras.training.train import build_models

    recipe = Recipe.model_validate(
        {
            "name": "speed",
            "data": {"train": f"synthetic:people={options.classes},images=1"},
            "model": {"backbone": options.backbone},
            "train": {"batch_size": options.batch, "fused_batch_norm": name != "unfused"},
        }
    )
    _, model = build_models(recipe, open_source(recipe.data.train), 1000)
    return bare(model, options) if name == "bare" else ours(model, name, options)


def batch_of(options: argparse.Namespace):
    import numpy as np

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (options.batch, SIZE, SIZE, 3), dtype=np.uint8)
    return pixels, rng.integers(0, options.classes, options.batch).astype(np.int32)


def from_memory(model, options: argparse.Namespace, steps: int):
    """Batches as `fit` takes them."""
    from framl_keras.models import targets
    from framl_keras.training.steps import fit_data

    pixels, labels = batch_of(options)
    batch = (pixels, labels), targets(model, labels)
    return fit_data(batch for _ in range(steps))  # Keras knows generators, not iterators


def bare(model, options: argparse.Namespace) -> Callable[[int], None]:
    def train(steps: int) -> None:
        model.fit(from_memory(model, options, steps), epochs=1, steps_per_epoch=steps, verbose=0)

    return train


def ours(model, name: str, options: argparse.Namespace) -> Callable[[int], None]:
    """The loop of `framl-keras train` with its callbacks, fed from memory."""
    from pathlib import Path

    from framl_keras.training.callbacks.journal import Journal
    from framl_keras.training.callbacks.not_finite import StopAtNaN
    from framl_keras.training.callbacks.progress import CountSteps, Progress, ProgressBar
    from framl_keras.training.train import MODES

    progress = Progress(10**6, options.batch, 1)
    folder = Path(tempfile.mkdtemp())
    callbacks = [
        CountSteps(progress),
        StopAtNaN(progress, lambda step: 0.01, lambda: None),
        ProgressBar(progress, lambda step: 0.01),
        Journal(folder, progress, lambda step: 0.01, every=10),
    ]
    run_epoch = MODES["eager" if name == "eager" else "fit"]
    batches = itertools.repeat(batch_of(options))
    return lambda steps: run_epoch(model, batches, 0, steps, callbacks)


def legacy(options: argparse.Namespace) -> Callable[[int], None]:
    """The network under tf.keras as it was before Keras 3, with a plain Dense on top."""
    import tf_keras as keras

    from framl_keras.training.steps import fit_data

    pixels, labels = batch_of(options)
    network = getattr(keras.applications, options.backbone)(
        include_top=False, weights=None, input_shape=(SIZE, SIZE, 3)
    )
    inputs = keras.Input((SIZE, SIZE, 3))
    x = network(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.Flatten()(keras.layers.Dropout(0.5)(keras.layers.BatchNormalization()(x)))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(512)(x))
    model = keras.Model(inputs, keras.layers.Dense(options.classes)(x))
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )

    def train(steps: int) -> None:
        model.fit(fit_data(iter([(pixels, labels)] * steps)), steps_per_epoch=steps, verbose=0)

    return train


if __name__ == "__main__":
    main()
