"""Exports backbones from each backend in each format, and writes how far they are from Keras.

    python tools/export_table.py FaceResNet10 IResNet18    # these; without names all of them
    python tools/export_table.py --rest                    # what was not run yet
    python tools/export_table.py --write                   # only the table, of what was found

Each embedder is trained for a few steps on its backend: residual branches begin by adding nothing
where they can, since random ones multiply rounding from block to block. A process trains on one
backend, for all names, and hands its models to exporters that export_writers.py forks. What is
found goes into benchmarks/export_parity.json and into the table of docs/export.md; a name that was
not run yet is listed below the table.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "benchmarks" / "export_parity.json"
PAGE = ROOT / "docs" / "export.md"
BEGIN, END = "<!-- parity: begin -->", "<!-- parity: end -->"
BACKENDS = ("tensorflow", "jax", "torch")
FORMATS = ("onnx", "saved_model", "litert", "openvino", "torch", "stablehlo")
Found = dict[str, float | str]  # by format: the largest difference, or what went wrong
SIDE, IMAGES, DIM, STEPS = 112, 8, 512, 5


def main() -> None:
    """Runs what is asked for, each result written as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS), choices=BACKENDS)
    parser.add_argument("--rest", action="store_true", help="Leaves out what was run.")
    parser.add_argument("--write", action="store_true", help="Only writes the table.")
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        run_each(options.only, options.formats)
        return
    names = [] if options.write else options.names or all_names()
    for backend in options.backends:
        left = [name for name in names if not (options.rest and is_run(name, backend, options))]
        for name, found in found_by(backend, left, options.formats):
            keep(name, backend, found)
            write_table()
    write_table()


def all_names() -> list[str]:
    """Every backbone by name."""
    code = "from framl_keras import backbones; print(*backbones.names())"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return found.stdout.split()


def found_by(backend: str, names: list[str], formats: list[str]) -> Iterator[tuple[str, Found]]:
    """Each name with what a process of a backend found: by format, how far or what went wrong."""
    rest = list(names)
    while rest:
        with tempfile.TemporaryFile(mode="w+", encoding="utf-8") as said:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__)), "--formats", *formats, "--only", *rest],
                env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                cwd=ROOT,
            )
            for line in process.stdout:
                if line.startswith("found "):
                    name, found = json.loads(line.removeprefix("found "))
                    rest.remove(name)
                    yield name, found
            if process.wait() and rest:
                said.seek(0)
                last = (said.read().strip().splitlines() or ["it ended by itself"])[-1]
                last = last.removeprefix("framl_keras.errors.UserError: ")
                yield rest.pop(0), dict.fromkeys(formats, last[:200])


def run_each(names: list[str], formats: list[str]) -> None:
    """The work of a process."""
    import gc

    import export_writers
    import keras

    from framl_keras.errors import UserError
    from framl_keras.export import FORMATS as KINDS
    from framl_keras.export import export, place

    place.run_writer = export_writers.run_writer
    for name in names:
        model, pixels = embedder_of(name)
        found: Found = {}
        with tempfile.TemporaryDirectory() as folder:
            for format in formats:
                path = Path(folder) / format / f"embedder{KINDS[format].suffix}"
                try:
                    found[format] = export(model, path, pixels, format).parity.largest
                except UserError as error:
                    found[format] = re.sub(r"\S*/", "", str(error))[:200]  # without folders
        print("found", json.dumps([name, found]), flush=True)
        del model
        keras.backend.clear_session()
        gc.collect()


def embedder_of(name: str):
    """An embedder that was trained for a few steps, and the images of them."""
    import contextlib

    import keras
    import numpy as np

    from framl_keras import backbones
    from framl_keras.errors import UserError
    from framl_keras.keras_internals import layers_within
    from framl_keras.models import (
        compile_for_training,
        embedding_model,
        targets,
        training_model,
    )
    from framl_keras.published.parity import random_images
    from framl_keras.training.build.residual_branches import zero_init_residual

    keras.utils.set_random_seed(0)
    head = {**backbones.get(name).head, "dropout": 0.0}
    embedder = embedding_model(name, SIDE, DIM, **head)
    with contextlib.suppress(UserError):  # it has no such branches
        zero_init_residual(embedder)
    norms = [
        layer
        for layer in layers_within(embedder)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.5  # as many steps as there are leave no trace of where it began
    pixels = random_images(IMAGES, SIDE).astype(np.uint8)
    labels = np.arange(IMAGES, dtype="int32") % 4
    model = training_model(embedder, 4)
    compile_for_training(model, keras.optimizers.Adam(1e-3))
    model.run_eagerly = keras.backend.backend() == "tensorflow"  # tracing takes longer than 5 steps
    for _ in range(STEPS):
        model.fit([pixels, labels], targets(model, labels), batch_size=IMAGES, verbose=0)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return embedder, pixels


def is_run(name: str, backend: str, options: argparse.Namespace) -> bool:
    """Whether each format asked for was tried."""
    return set(options.formats) <= read().get(name, {}).get(backend, {}).keys()


def keep(name: str, backend: str, found: dict[str, float | str]) -> None:
    """Adds what was found to the file."""
    known = read()
    known.setdefault(name, {}).setdefault(backend, {}).update(found)
    FOUND.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def read() -> dict[str, dict[str, dict[str, float | str]]]:
    """What was found so far."""
    return json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.is_file() else {}


def write_table() -> None:
    """Puts the table into the page."""
    known = read()
    lines = [f"| backbone | {' | '.join(f'`{each}`' for each in FORMATS)} |"]
    lines.append("| --- " * (1 + len(FORMATS)) + "|")
    reasons: dict[str, int] = {}
    for name, by_backend in sorted(known.items()):
        cells = [cell(by_backend, format, reasons) for format in FORMATS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", *(f"{number}. {reason}" for reason, number in reasons.items())]
    rest = [name for name in all_names() if name not in known]
    if rest:
        lines += ["", f"Not run yet: {', '.join(rest)}."]
    before, _, after = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = after.partition(END)[2]
    text = "\n".join([BEGIN, "", *lines, "", END])
    PAGE.write_text(f"{before}{text}{after}", encoding="utf-8")


def cell(by_backend: dict[str, dict], format: str, reasons: dict[str, int]) -> str:
    """The largest difference over the backends, and who of them failed or was not run."""
    numbers, notes = [], []
    if not any(format in found for found in by_backend.values()):
        return "not run"
    for backend in BACKENDS:
        found = by_backend.get(backend, {}).get(format)
        if isinstance(found, float):
            numbers.append(found)
        elif found is not None:
            notes.append(f"{backend}: [{reasons.setdefault(found, len(reasons) + 1)}]")
        else:
            notes.append(f"{backend}: not run")
    return "; ".join([*(f"{number:.0e}" for number in sorted(numbers)[-1:]), *notes])


if __name__ == "__main__":
    main()
