"""Opens an exported file with its own runtime, as a function of arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras.errors import UserError

Function = Callable[..., np.ndarray]


def open_exported(path: str | Path, format: str) -> Function:
    """An exported model as a function from its inputs to its output.

    Args:
        path: the file, or the folder of a SavedModel.
        format: its format, see `FORMATS`.

    Raises:
        UserError: if the runtime cannot open it; the function raises one if it cannot run it.

    Example:
    >>> function = open_exported("embedder.onnx", "onnx")  # doctest: +SKIP
    >>> function(pixels).shape  # doctest: +SKIP
    (2, 512)
    """
    try:
        opened = _RUNTIMES[format](str(path))
    except ImportError:
        raise
    except Exception as error:  # each runtime has its own for damage
        raise UserError(
            f"{path}: not a file that the runtime of {format} opens: {_reason(error)}."
        ) from error

    def function(*given: np.ndarray) -> np.ndarray:
        try:
            return opened(*given)
        except Exception as error:
            raise UserError(
                f"{path}: the runtime of {format} cannot run it: {_reason(error)}."
            ) from error

    return function


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200].rstrip(".")


def _onnx(path: str) -> Function:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda *given: session.run(None, dict(zip(names, given, strict=True)))[0]


def _saved_model(path: str) -> Function:
    import tensorflow as tf

    loaded = tf.saved_model.load(path)

    def function(*given: np.ndarray) -> np.ndarray:
        assert loaded is not None  # the function lives as long as what it was loaded with
        return loaded.serve(list(given) if len(given) > 1 else given[0]).numpy()

    return function


def _litert(path: str) -> Function:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path)
    # Names of a file's inputs keep no order, `a` and `b` sort as they were given.
    inputs = sorted(interpreter.get_input_details(), key=lambda given: given["name"])
    output = interpreter.get_output_details()[0]["index"]

    def function(*given: np.ndarray) -> np.ndarray:
        for place, array in zip(inputs, given, strict=True):
            interpreter.resize_tensor_input(place["index"], array.shape)
        interpreter.allocate_tensors()
        for place, array in zip(inputs, given, strict=True):
            interpreter.set_tensor(place["index"], array)
        interpreter.invoke()
        return interpreter.get_tensor(output).copy()

    return function


def _openvino(path: str) -> Function:
    import openvino

    options = {"INFERENCE_PRECISION_HINT": "f32"}  # else bfloat16, where the processor has it
    compiled = openvino.Core().compile_model(path, "CPU", options)
    return lambda *given: compiled(list(given))[0].copy()


def _torch(path: str) -> Function:
    import torch

    model = torch.jit.load(path, map_location="cpu")

    def function(*given: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model(*map(torch.from_numpy, map(np.ascontiguousarray, given))).numpy()

    return function


def _stablehlo(path: str) -> Function:
    from jax import export

    exported: Any = export.deserialize(bytearray(Path(path).read_bytes()))
    return lambda *given: np.asarray(exported.call(*given))


_RUNTIMES: dict[str, Callable[[str], Function]] = {
    "onnx": _onnx,
    "saved_model": _saved_model,
    "litert": _litert,
    "openvino": _openvino,
    "torch": _torch,
    "stablehlo": _stablehlo,
}
