"""A file that is written beside its place by its backend's process, and then moved there."""

import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from framl_keras.errors import UserError
from framl_keras.export.formats import check_format
from framl_keras.runs.disk import explain, is_of_the_disk

_AGAIN = "Make room and export again; nothing was written."


def check_output(output: Path, format: str) -> None:
    """Refuses a place that a format's file cannot have.

    Raises:
        UserError: if its suffix is another one, or a folder of something else is there.
    """
    suffix = check_format(format).suffix
    if output.suffix != suffix and suffix:
        raise UserError(f"{output}: expected a name that ends with {suffix} for {format}.")
    if output.is_dir() and not (output / "saved_model.pb").is_file():
        raise UserError(f"{output}: a folder that is no SavedModel. Name a place that is free.")


@contextmanager
def beside(output: Path) -> Iterator[Path]:
    """A folder beside the output, which is gone afterwards, with all that is still in it.

    Raises:
        UserError: if the disk is full or cannot be written to.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=output.parent) as folder:
            yield Path(folder)
    except OSError as error:
        if not is_of_the_disk(error):
            raise
        raise UserError(explain(error, output, _AGAIN)) from None


def run_exporter(arguments: Sequence[str], backend: str, format: str) -> None:
    """Runs the exporter, `framl_keras.export.write`, on its backend.

    Args:
        arguments: model, format, output and options of the exporter.
        backend: which one writes.
        format: see `FORMATS`.

    Raises:
        UserError: if it fails, with its last line.
    """
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # constants of a traced file stay on the processor
    done = run_writer(arguments, environment)
    if not done.returncode:
        if format == "onnx":
            _simplify_or_refuse(Path(arguments[2]), backend)
        return
    said = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    full = os.strerror(errno.ENOSPC)
    if any(full in line for line in said):
        raise UserError(f"{format} could not be written on {backend}: {full}. {_AGAIN}")
    hint = ""
    if "Could not locate" in said[-1]:
        hint = " Name the module that registers your own layers (--import)."
    raise UserError(f"{format} could not be written on {backend}: {said[-1][:400]}{hint}")


def run_writer(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs the exporter in a process of its own, with what it said."""
    return subprocess.run(
        [sys.executable, "-m", "framl_keras.export.write", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _simplify_or_refuse(path: Path, backend: str) -> None:
    try:
        simplify(path)
    except OSError:
        raise
    except Exception as error:  # onnxruntime has many kinds of its own
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"onnx could not be written on {backend}: onnxruntime refuses it: {reason}"
        ) from error


def put(folder: Path, target: Path) -> None:
    """Moves all that is in a folder to its place; what stood there before goes."""
    for path in sorted(folder.iterdir()):
        place = target / path.name
        if place.is_dir():
            shutil.rmtree(place)
        os.replace(path, place)


def size_of_file(path: Path) -> int:
    """Bytes of a file, or a folder, and of what belongs to it."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    weights = path.with_suffix(".bin")
    return path.stat().st_size + (weights.stat().st_size if weights.is_file() else 0)


def simplify(path: Path) -> None:
    """Rewrites a file by onnxruntime's basic optimizations, which use ONNX' own operators only.

    Torch's exporter leaves 700 nodes where 100 do, and quantizers read what is there.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    beside = path.with_name(f"simple-{path.name}")
    options.optimized_model_filepath = str(beside)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(beside))
    used = {node.domain for node in model.graph.node}
    imports = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(imports)
    onnx.save(model, str(path))
    beside.unlink()
