"""How fast does each runtime embed? Images per second and core, and peak memory, in turns.

    python benchmarks/runtimes.py --backbone IResNet18

`tensorflow`, `jax` and `torch` are Keras on these backends as it is: with the model's batch norms
and with the system's allocator. `folded` is the same with batch norms folded in, freed memory kept,
and no copies between layouts on Torch, as `Embedder.embed` does for many images. `onnx`,
`openvino` and `litert` run the file that `export` writes. Each is a process of its own; they take
turns, one at work at a time, and medians are shown. Images go through the bare model: neither read
nor mirrored.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from allocator import MIB, Turn, start, take_turns, turn

SIZE = 112
BACKENDS = ("tensorflow", "jax", "torch")
FORMATS = {"onnx": ".onnx", "openvino": ".xml", "litert": ".tflite"}
VARIANTS = (*BACKENDS, *(f"{name}-folded" for name in BACKENDS), *FORMATS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="MobileNetV2")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=3, help="Batches in a turn.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--only", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only == "make":
        make_files(options)
    elif options.only:
        take_turns(work_of(options), options.steps)
    else:
        with tempfile.TemporaryDirectory() as folder:
            sys.argv += ["--folder", folder]
            subprocess.run([sys.executable, *sys.argv, "--only", "make"], check=True)
            print(describe(options, race(options)))


def race(options: argparse.Namespace) -> dict[str, list[Turn]]:
    """The turns of each variant, of which the first one compiles."""
    processes = {name: start(name, environment_of(name)) for name in options.variants}
    turns: dict[str, list[Turn]] = {name: [] for name in processes}
    for _ in range(options.rounds + 1):
        for name, process in processes.items():
            turns[name].append(turn(name, process))
    for process in processes.values():
        process.communicate()
    return turns


def environment_of(name: str) -> dict[str, str]:
    backend = name.removesuffix("-folded")
    return {
        "KERAS_BACKEND": backend if backend in BACKENDS else "torch",
        "FRAML_KERAS_ALLOCATOR": "system" if name in BACKENDS else "keep",
    }


def embedder(options: argparse.Namespace):
    import keras

    import framl_keras
    from framl_keras import backbones

    keras.utils.set_random_seed(0)
    head = backbones.get(options.backbone).head
    return framl_keras.create_embedder(options.backbone, (SIZE, SIZE, 3), **head)


def pixels_of(options: argparse.Namespace):
    import numpy as np

    shape = (options.batch, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def make_files(options: argparse.Namespace) -> None:
    """The file of each format that takes part, by way of the gate."""
    from framl_keras.export import export

    model, pixels = embedder(options), pixels_of(options)
    for name in set(options.variants) & set(FORMATS):
        export(model, file_of(options, name), pixels[:3], name, plain=True)


def file_of(options: argparse.Namespace, name: str) -> Path:
    return Path(options.folder) / f"embedder{FORMATS[name]}"


def work_of(options: argparse.Namespace) -> Callable[[int], None]:
    """A function that embeds so many batches."""
    pixels, name = pixels_of(options), options.only
    if name in FORMATS:
        import framl_keras.allocator
        from framl_keras.export import open_exported

        framl_keras.allocator.keep_memory()
        embed = open_exported(file_of(options, name), name)
    else:
        model = embedder(options)
        if name.endswith("-folded"):
            from framl_keras.keras_internals import spare_torch_detours
            from framl_keras.models import folded

            spare_torch_detours()
            model = folded(model)
        embed = model.predict_on_batch

    def work(steps: int) -> None:
        for _ in range(steps):
            embed(pixels)

    return work


def describe(options: argparse.Namespace, found: dict[str, list[Turn]]) -> str:
    images, cores = options.batch * options.steps, os.cpu_count() or 1
    rates = {
        name: sorted(images / each.seconds for each in turns[1:]) for name, turns in found.items()
    }
    medians = {name: statistics.median(each) for name, each in rates.items()}
    as_they_are = [medians[name] for name in BACKENDS if name in medians]
    lines = [
        f"{options.backbone}, batch {options.batch} at {SIZE} px, {cores} cores, median of "
        f"{options.rounds} turns"
    ]
    for name, turns in found.items():
        beside = f"{medians[name] / max(as_they_are):5.2f} x the fastest" if as_they_are else ""
        lines.append(
            f"{name:18} {medians[name]:7.1f} images/s ({rates[name][0]:.1f} to "
            f"{rates[name][-1]:.1f}), {medians[name] / cores:6.1f} a core, {beside}; "
            f"{turns[-1].memory / MIB:6.0f} MiB at most"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
