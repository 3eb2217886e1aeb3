"""Writes a saved Keras model in another format. Runs in a process of its own.

The backend whose exporter works need not be the one that a model was trained on, and a
process has one backend: `python -m framl_keras.export.write` gets it by KERAS_BACKEND.
"""

import argparse
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Loads, wraps, calls once and exports a model; says what fails in one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", help="a .keras file, or the name of a similarity with --dim")
    parser.add_argument("format")
    parser.add_argument("output")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--pair", help="a similarity of two batches of images")
    parser.add_argument("--dim", type=int)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--images", help="a .npy file of images to calibrate on")
    parser.add_argument("--import", dest="modules", action="append", default=[])
    options = parser.parse_args()
    try:
        for module in options.modules:
            importlib.import_module(module)
        model, shape, dtype = _model(options)
        if options.format == "litert" and options.precision != "float32":
            _litert(model, shape, dtype, options)
        else:
            _WRITERS[options.format](model, shape, dtype, options.output)
    except Exception as error:
        reason = " ".join(str(error).split())
        if not options.dim:  # nobody else knows the file
            reason = reason.replace(options.model, "the saved model")
        print(f"{type(error).__name__}: {reason[:600]}", file=sys.stderr)
        sys.exit(1)


def _model(options: argparse.Namespace) -> tuple[Any, tuple[int, ...], str]:
    """The model that is exported, the shape of one of its inputs, and their type."""
    import keras

    import framl_keras.layers
    import framl_keras.losses  # noqa: F401 - both are in saved models
    from framl_keras.models.folded import folded
    from framl_keras.models.fused import fused, plain
    from framl_keras.similarities import get
    from framl_keras.untrusted.keras_file import load_keras_model

    if options.dim:
        a, b = (keras.Input((options.dim,), name=name) for name in ("a", "b"))
        return keras.Model([a, b], get(options.model).layer()(a, b)), (options.dim,), "float32"
    embedder = folded(load_keras_model(Path(options.model)))
    model, shape = (plain if options.plain else fused)(embedder), tuple(embedder.input_shape[1:])
    if options.pair:
        a, b = (keras.Input(shape, dtype="uint8", name=name) for name in ("a", "b"))
        model = keras.Model([a, b], get(options.pair).layer()(model(a), model(b)))
    return model, shape, "uint8"


def _examples(model: Any, shape: tuple[int, ...], dtype: str) -> list[Any]:
    """Two rows of zeros for each input; the model is called with them, as Keras requires."""
    import numpy as np

    rows = [np.zeros((2, *shape), dtype) for _ in model.inputs]
    model.predict(rows if len(rows) > 1 else rows[0], verbose=0)
    return rows


def _by_keras(name: str) -> Callable[..., None]:
    def write(model: Any, shape: tuple[int, ...], dtype: str, output: str) -> None:
        _examples(model, shape, dtype)
        model.export(output, format=name, verbose=False)

    return write


def _onnx(model: Any, shape: tuple[int, ...], dtype: str, output: str) -> None:
    import keras

    from framl_keras.export import operators
    from framl_keras.keras_internals import grouped_convolutions_in_the_graph

    if keras.backend.backend() != "tensorflow":
        operators.for_onnx_of_torch()
        _by_keras("onnx")(model, shape, dtype, output)
        return
    import onnx

    operators.for_onnx_of_tensorflow()
    _examples(model, shape, dtype)  # plain nodes of grouped convolutions do not run everywhere
    with grouped_convolutions_in_the_graph():
        model.export(output, format="onnx", verbose=False)
    inputs = [given.name for given in onnx.load(output).graph.input]
    if len(inputs) != len(model.inputs):  # tensors that a layer made itself, of no variable
        raise ValueError(f"its graph takes more than the model does: {', '.join(inputs)}")


def _litert(model: Any, shape: tuple[int, ...], dtype: str, options: argparse.Namespace) -> None:
    """Writes float16 weights, or int8 arithmetic calibrated on images, by LiteRT's converter."""
    import numpy as np
    import tensorflow as tf

    _examples(model, shape, dtype)
    settings: dict[str, Any] = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    if options.precision == "float16":
        settings["target_spec"] = {"supported_types": [tf.float16]}
    else:
        images = np.load(options.images)
        settings["representative_dataset"] = lambda: ([image[None]] for image in images)
    model.export(options.output, format="litert", verbose=False, **settings)


def _torch(model: Any, shape: tuple[int, ...], dtype: str, output: str) -> None:
    import torch

    torch.jit.save(_traced(model, shape, dtype), output)


def _traced(model: Any, shape: tuple[int, ...], dtype: str) -> Any:
    """A model on Torch as a graph that takes its inputs one by one."""
    import torch

    rows = tuple(torch.from_numpy(array) for array in _examples(model, shape, dtype))
    model.eval()

    class Positional(torch.nn.Module):
        """Takes inputs one by one, as a traced file is called."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *given: Any) -> Any:
            return self.model(list(given) if len(given) > 1 else given[0], training=False)

    with torch.no_grad():
        return torch.jit.trace(Positional(), rows, check_trace=False)


def _openvino(model: Any, shape: tuple[int, ...], dtype: str, output: str) -> None:
    """Keras writes it on TensorFlow; its trace on Torch fails for models used twice."""
    import keras

    if keras.backend.backend() != "torch":
        _by_keras("openvino")(model, shape, dtype, output)
        return
    import openvino

    from framl_keras.export import operators

    inputs = [openvino.PartialShape([-1, *shape]) for _ in model.inputs]
    known = operators.for_openvino_of_torch()
    graph = openvino.convert_model(_traced(model, shape, dtype), input=inputs, extension=known)
    openvino.save_model(graph, output, compress_to_fp16=False)


def _stablehlo(model: Any, shape: tuple[int, ...], dtype: str, output: str) -> None:
    import jax
    from jax import export

    _examples(model, shape, dtype)
    (batch,) = export.symbolic_shape("batch")
    variables = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def function(*given: Any) -> Any:
        inputs = list(given) if len(given) > 1 else given[0]
        return model.stateless_call(variables, others, inputs, training=False)[0]

    rows = [jax.ShapeDtypeStruct((batch, *shape), dtype) for _ in model.inputs]
    exported = export.export(jax.jit(function), platforms=["cpu", "cuda", "tpu"])(*rows)
    with open(output, "wb") as file:
        file.write(exported.serialize())


_WRITERS: dict[str, Callable[..., None]] = {
    "onnx": _onnx,
    "saved_model": _by_keras("tf_saved_model"),
    "litert": _by_keras("litert"),
    "openvino": _openvino,
    "torch": _torch,
    "stablehlo": _stablehlo,
}

if __name__ == "__main__":
    main()
