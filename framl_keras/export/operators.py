"""Rules that exporters lack for operators which Keras calls, each written by those they have."""

from typing import Any


def for_onnx_of_tensorflow() -> None:
    """Registers what tf2onnx lacks."""
    from tf2onnx.handler import tf_op

    tf_op("Erfc")(_Erfc)  # of GELU


class _Erfc:
    """1 - erf(x)."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
        """Puts the two operators in its place, under the name of its output."""
        import numpy as np
        from tf2onnx import utils

        (output,) = node.output
        kind, shape = graph.get_dtype(output), graph.get_shape(output)
        one = np.ones((), utils.map_onnx_to_numpy_type(kind))
        graph.remove_node(node.name)
        erf = graph.make_node("Erf", node.input, shapes=[shape], dtypes=[kind])
        both = [graph.make_const(utils.make_name("one"), one).output[0], erf.output[0]]
        graph.make_node("Sub", both, outputs=[output], shapes=[shape], dtypes=[kind])


def for_onnx_of_torch() -> None:
    """Registers what Torch's exporter lacks, or knows of shapes that are constants only."""
    import torch

    exporter: Any = torch.onnx
    for name, write, opset in (
        ("ravel", _ravel, 9),  # of `ops.take`
        ("layer_norm", _layer_norm, 17),
        ("rms_norm", _rms_norm, 18),
    ):
        exporter.register_custom_op_symbolic(f"aten::{name}", write, opset)


def _ravel(graph: Any, x: Any) -> Any:
    return graph.op("Reshape", x, _constant(graph, [-1]))


def _layer_norm(graph: Any, x: Any, shape: Any, scale: Any, shift: Any, eps: Any, *_: Any) -> Any:
    rank = _length(shape)
    given = [
        _filled(graph, x, rank, number) if value.node().mustBeNone() else value
        for value, number in ((scale, 1.0), (shift, 0.0))
    ]
    return graph.op(
        "LayerNormalization", x, *given, axis_i=-rank, epsilon_f=float(eps.node().t("value"))
    )


def _rms_norm(graph: Any, x: Any, shape: Any, scale: Any, eps: Any) -> Any:
    axes = _constant(graph, list(range(-_length(shape), 0)))
    mean = graph.op("ReduceMean", graph.op("Mul", x, x), axes)
    root = graph.op("Sqrt", graph.op("Add", mean, _constant(graph, float(eps.node().t("value")))))
    normed = graph.op("Div", x, root)
    return normed if scale.node().mustBeNone() else graph.op("Mul", normed, scale)


def _length(shape: Any) -> int:
    """How many numbers a shape has, of which each may depend on the input."""
    return len(list(shape.node().inputs())) or len(shape.node().t("value"))


def _filled(graph: Any, x: Any, rank: int, number: float) -> Any:
    """The number, for each place of x' last axes."""
    import torch

    ends = [_constant(graph, [end]) for end in (-rank, torch.iinfo(torch.int64).max)]
    last = graph.op("Slice", graph.op("Shape", x), *ends)
    return graph.op("ConstantOfShape", last, value_t=torch.tensor([number]))


def _constant(graph: Any, value: Any) -> Any:
    import torch

    return graph.op("Constant", value_t=torch.tensor(value))


def for_openvino_of_torch() -> list[Any]:
    """What OpenVINO knows, by the names that Keras calls it by on Torch."""
    from openvino import opset13
    from openvino.frontend.pytorch import ConversionExtension

    rules = {
        "divide": lambda node: opset13.divide(node.get_input(0), node.get_input(1)),
        "subtract": lambda node: opset13.subtract(node.get_input(0), node.get_input(1)),
        "negative": lambda node: opset13.negative(node.get_input(0)),
        "ravel": lambda node: opset13.reshape(
            node.get_input(0), opset13.constant([-1]), special_zero=False
        ),
    }
    return [
        ConversionExtension(f"aten::{name}", lambda node, write=write: [write(node).output(0)])
        for name, write in rules.items()
    ]
