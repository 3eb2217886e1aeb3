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


def run_exporter(arguments: Sequence[str], backends: Sequence[str], format: str) -> None:
    """Runs the exporter, `framl_keras.export.write`, on the first backend on which it works.

    Args:
        arguments: model, format, output and options of the exporter.
        backends: those that write the format, in the order in which they are tried.
        format: see `FORMATS`.

    Raises:
        UserError: if it works on none, with its last line on each.
    """
    reasons, hint = [], ""
    for backend in backends:
        reason = _refusal(arguments, backend, format)
        if reason is None:
            return
        reasons.append(f"on {backend}: {reason[:400]}")
        if "not known here" in reason:  # nor would another backend find it
            hint = " Name the module that registers your own layers (--import)."
            break
    raise UserError(f"{format} could not be written {'; '.join(reasons)}{hint}")


def _refusal(arguments: Sequence[str], backend: str, format: str) -> str | None:
    """Why the exporter did not write on a backend; None if it did.

    Raises:
        UserError: if the disk is full.
    """
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["CUDA_VISIBLE_DEVICES"] = ""  # constants of a traced file stay on the processor
    done = run_writer(arguments, environment)
    if not done.returncode:
        return _refusal_of_runtime(Path(arguments[2])) if format == "onnx" else None
    lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    full = os.strerror(errno.ENOSPC)
    if any(full in line for line in lines):
        raise UserError(f"{format} could not be written on {backend}: {full}. {_AGAIN}")
    return lines[-1]


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


def _refusal_of_runtime(path: Path) -> str | None:
    """Why onnxruntime does not take a file; None if it did, and simplified it."""
    try:
        simplify(path)
    except OSError:
        raise
    except Exception as error:  # onnxruntime has many kinds of its own
        return f"onnxruntime refuses it: {' '.join(str(error).split())[:300]}"
    return None


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
