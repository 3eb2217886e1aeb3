"""Exports backbones from each backend in each format, and writes how far they are from Keras.

    python tools/export_table.py FaceResNet10 IResNet18    # these; without names all of them
    python tools/export_table.py --write                   # only the table, of what was found

Each embedder is trained for a few steps on its backend: residual branches begin by adding nothing
where they can, since random ones multiply rounding from block to block. Each backbone and backend
is a process of its own. What is found goes into benchmarks/export_parity.json
and into the table of docs/export.md; a name that was not run yet is listed below the table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "benchmarks" / "export_parity.json"
PAGE = ROOT / "docs" / "export.md"
BEGIN, END = "<!-- parity: begin -->", "<!-- parity: end -->"
BACKENDS = ("tensorflow", "jax", "torch")
FORMATS = ("onnx", "saved_model", "litert", "openvino", "torch", "stablehlo")
SIDE, IMAGES, DIM, STEPS = 112, 8, 512, 5


def main() -> None:
    """Runs what is asked for, each result written as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--backends", nargs="+", default=list(BACKENDS), choices=BACKENDS)
    parser.add_argument("--write", action="store_true", help="Only writes the table.")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        run_one(options.only[0], Path(options.only[1]), options.formats)
        return
    names = [] if options.write else options.names or all_names()
    for name in names:
        for backend in options.backends:
            keep(name, backend, in_a_process(name, backend, options.formats))
            write_table()
    write_table()


def all_names() -> list[str]:
    """Every backbone by name."""
    code = "from framl_keras import backbones; print(*backbones.names())"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return found.stdout.split()


def in_a_process(name: str, backend: str, formats: list[str]) -> dict[str, float | str]:
    """Format -> largest difference, or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        arguments = [str(Path(__file__)), "--formats", *formats, "--only", name, str(result)]
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["it ended by itself"]
            return dict.fromkeys(formats, lines[-1][:200])
        return json.loads(result.read_text(encoding="utf-8"))


def run_one(name: str, result: Path, formats: list[str]) -> None:
    """The work of one process."""
    from framl_keras.errors import UserError
    from framl_keras.export import FORMATS as KINDS
    from framl_keras.export import export

    model, pixels = embedder_of(name)
    found: dict[str, float | str] = {}
    for format in formats:
        path = result.with_name(f"embedder{KINDS[format].suffix}")
        try:
            found[format] = export(model, path, pixels, format).parity.largest
        except UserError as error:
            found[format] = str(error)[:200]
        result.write_text(json.dumps(found), encoding="utf-8")


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
    for _ in range(STEPS):
        model.fit([pixels, labels], targets(model, labels), batch_size=IMAGES, verbose=0)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return embedder, pixels


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
