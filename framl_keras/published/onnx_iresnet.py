"""Reads the tensors of insightface's IResNets out of an ONNX graph, by the names torch has."""

from collections import defaultdict
from typing import Any

import numpy as np

from framl_keras.errors import UserError

EPSILON = 1e-5  # of the network that the tensors are for
PASSES = {"Identity", "Cast", "Dropout", "Flatten", "Reshape"}  # change no number


class Walk:
    """Follows a graph from pixels to embedding and collects what it meets.

    A convolution whose batch norm was folded into it gets one of its own back: a
    scale of 1, and the convolution's bias as its shift.

    Args:
        model: an ONNX model.
        source: the file, for errors.
    """

    def __init__(self, model: Any, source: str):
        from onnx import numpy_helper  # noqa: PLC0415 - optional

        self.source = source
        self.tensors: dict[str, np.ndarray] = {}
        self.blocks: list[int] = []
        self._values = {}
        for each in model.graph.initializer:
            if each.external_data:
                raise UserError(f"{source}: its weights are in another file. Expected one file.")
            self._values[each.name] = numpy_helper.to_array(each)
        for node in model.graph.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                self._values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            elif node.op_type in ("Identity", "Unsqueeze") and node.input[0] in self._values:
                self._values[node.output[0]] = self._values[node.input[0]]
        self._takers = defaultdict(list)
        for node in model.graph.node:
            for name in set(node.input):
                self._takers[name].append(node)

    def run(self, pixels: str) -> str:
        """Walks from the tensor of pixels; gives the name of the embedding's."""
        x = self._norm(self._conv(self._next(pixels, "Conv"), "conv1"), "bn1", folded=True)
        x = self._prelu(x, "prelu")
        while True:
            norm = self._next(x, "BatchNormalization")
            after = self._next(norm.output[0], "Conv", "Gemm", "MatMul")
            if after.op_type != "Conv":
                return self._embedding(norm, after)
            x = self._block(x, norm, after)

    def _block(self, x: str, norm: Any, conv: Any) -> str:
        """BN – conv – BN – PReLU – conv – BN, added to its input; gives the sum's name."""
        second = self._second_convolution(conv)
        if not self.blocks or _strides(second) != (1, 1):
            self.blocks.append(0)
        name = f"layer{len(self.blocks)}.{self.blocks[-1]}"
        self.blocks[-1] += 1
        self._put_norm(norm, f"{name}.bn1")
        branch = self._norm(self._conv(conv, f"{name}.conv1"), f"{name}.bn2", folded=True)
        self._prelu(branch, f"{name}.prelu")
        branch = self._norm(self._conv(second, f"{name}.conv2"), f"{name}.bn3", folded=True)
        added = self._next(branch, "Add")
        shortcut = [node for node in self._takers[x] if node.op_type == "Conv"]
        if shortcut:
            down = f"{name}.downsample"
            joined = self._norm(self._conv(shortcut[0], f"{down}.0"), f"{down}.1", folded=True)
            self._expect(joined in added.input, f"a sum of two branches at {added.name}")
        else:
            self._expect(x in added.input, f"a sum with the block's input at {added.name}")
        return str(added.output[0])

    def _second_convolution(self, first: Any) -> Any:
        node = first
        while node.op_type != "PRelu":
            node = self._next(node.output[0], "BatchNormalization", "PRelu")
        return self._next(node.output[0], "Conv")

    def _embedding(self, norm: Any, product: Any) -> str:
        """BN – Dense – BN; the last one may have been folded in as well."""
        self._put_norm(norm, "bn2")
        kernel, bias, x = self._product(product)
        self.tensors["fc.weight"], self.tensors["fc.bias"] = kernel, bias
        return self._norm(x, "features", folded=False)

    def _product(self, node: Any) -> tuple[np.ndarray, np.ndarray, str]:
        """The kernel `(out, in)` and the bias of a Gemm, or of a MatMul and an Add."""
        kernel = self._value(node.input[1])
        options = {each.name: each for each in node.attribute}
        if node.op_type == "MatMul":
            added = self._next(node.output[0], "Add")
            other = next(n for n in added.input if n != node.output[0])
            return kernel.T, self._value(other).reshape(-1), str(added.output[0])
        factors = [options[name].f for name in ("alpha", "beta") if name in options]
        self._expect(all(factor == 1 for factor in factors), "a Gemm without factors")
        kernel = kernel if "transB" in options and options["transB"].i else kernel.T
        bias = self._value(node.input[2]) if len(node.input) > 2 else np.zeros(len(kernel))
        return kernel, bias, str(node.output[0])

    def _conv(self, node: Any, name: str) -> tuple[str, np.ndarray | None]:
        """Takes a convolution's kernel; gives its output's name and its bias."""
        self.tensors[f"{name}.weight"] = self._value(node.input[1])
        bias = self._value(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        return str(node.output[0]), bias

    def _norm(self, given: tuple[str, np.ndarray | None] | str, name: str, folded: bool) -> str:
        """Takes the batch norm after a tensor, or makes one of a bias; gives what is after it."""
        x, bias = (given, None) if isinstance(given, str) else given
        if bias is None and (norms := self._all_next(x, "BatchNormalization")):
            self._put_norm(norms[0], name)
            return str(norms[0].output[0])
        self._expect(bias is not None or not folded, f"a batch norm or a bias at {name}")
        shift = np.zeros(len(self.tensors["fc.weight"])) if bias is None else bias
        self._put(name, np.ones_like(shift), shift, np.zeros_like(shift), np.ones_like(shift), 0.0)
        return x

    def _put_norm(self, node: Any, name: str) -> None:
        epsilon = next((each.f for each in node.attribute if each.name == "epsilon"), 1e-5)
        self._put(name, *map(self._value, node.input[1:5]), epsilon)

    def _put(self, name: str, *given: Any) -> None:
        """A batch norm's tensors, its variance changed so that our epsilon gives the same."""
        gamma, beta, mean, variance, epsilon = given
        parts = {"weight": gamma, "bias": beta, "running_mean": mean}
        parts["running_var"] = np.asarray(variance, np.float64) + epsilon - EPSILON
        self.tensors |= {f"{name}.{part}": np.asarray(value) for part, value in parts.items()}

    def _prelu(self, x: str, name: str) -> str:
        node = self._next(x, "PRelu")
        self.tensors[f"{name}.weight"] = self._value(node.input[1]).reshape(-1)
        return str(node.output[0])

    def _value(self, name: str) -> np.ndarray:
        self._expect(name in self._values, f"{name} to be a tensor in the file")
        return np.asarray(self._values[name], np.float32)

    def _next(self, name: str, *kinds: str) -> Any:
        """The node of one of some kinds that takes a tensor, behind nodes that change nothing."""
        nodes = self._all_next(name, *kinds)
        there = sorted({node.op_type for node in self._takers[name]}) or ["the end"]
        self._expect(bool(nodes), f"{' or '.join(kinds)} after {name}, and not {', '.join(there)}")
        return nodes[0]

    def _all_next(self, name: str, *kinds: str) -> list[Any]:
        nodes, seen = [], [name]
        while seen:
            for node in self._takers[seen.pop()]:
                if node.op_type in kinds:
                    nodes.append(node)
                elif node.op_type in PASSES:
                    seen.append(node.output[0])
        return nodes

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise UserError(
                f"{self.source}: not a graph of one of insightface's IResNets. Expected {what}. "
                "Import the torch file that it was exported from, or use it with onnxruntime."
            )


def _strides(conv: Any) -> tuple[int, ...]:
    return next((tuple(each.ints) for each in conv.attribute if each.name == "strides"), (1, 1))
