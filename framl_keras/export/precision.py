"""Smaller numbers than float32, by the runtimes' own tools; the gate decides what is kept."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from framl_keras.data.pairs import PairSet
from framl_keras.errors import UserError

Found = TypeVar("Found")
Gate = Callable[[], Found]

PRECISIONS: Mapping[str, tuple[str, ...]] = {  # -> the formats whose tools make it
    "float32": ("onnx", "saved_model", "litert", "openvino", "torch", "stablehlo"),
    "float16": ("onnx", "litert", "openvino"),
    "int8": ("onnx", "litert"),
}
QUANTIZED = ("Conv", "Gemm", "MatMul")
LEFT_OUT = (0.0, 0.1, 0.25, 0.5)  # shares of these, the most sensitive, that stay in float32
PROBED = 8  # images on which sensitivity is measured


def check_precision(name: str, format: str, pair_sets: Sequence[PairSet] | None = None) -> str:
    """The name of a precision, if a format has it.

    Args:
        name: of the precision.
        format: see `FORMATS`.
        pair_sets: what the file will be verified on; None if that is not known yet.

    Raises:
        UserError: if it has not, or nothing could tell whether int8 may be kept.
    """
    if name not in PRECISIONS:
        raise UserError(f"Unknown precision {name!r}. Expected one of {', '.join(PRECISIONS)}.")
    if format not in PRECISIONS[name]:
        raise UserError(
            f"{format} is not made in {name}. Expected one of {', '.join(PRECISIONS[name])}."
        )
    if name == "int8" and pair_sets is not None and not pair_sets:
        raise UserError(
            "int8 needs a verification set, which decides whether it is kept. Name one with --set."
        )
    return name


def lower(written: Path, format: str, name: str, pixels: np.ndarray, gate: Gate[Found]) -> Found:
    """Brings a written file to a precision, and passes it through the gate.

    Args:
        written: the file, in float32; of LiteRT at its precision already.
        format: see `FORMATS`.
        name: of the precision.
        pixels: images to calibrate on, uint8 `(n, height, width, channels)`.
        gate: what the file must pass; it raises a `UserError` if it does not.

    Returns:
        What the gate gives.

    Raises:
        UserError: if it does not pass.
    """
    if name == "int8" and format == "onnx":
        return _int8(written, pixels, gate)
    if name == "float16" and format == "onnx":
        _float16_onnx(written)
    elif name == "float16" and format == "openvino":
        _float16_openvino(written)
    try:
        return gate()
    except UserError as error:
        raise _none_passes(name, error) if name == "int8" else error from None


def _none_passes(name: str, error: UserError) -> UserError:
    return UserError(f"{error} No {name} file is kept; float16 or float32 may do.")


def _float16_onnx(path: Path) -> None:
    """Weights and arithmetic in float16 but for lengths and sums over vectors."""
    import onnx
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    kept = [*DEFAULT_OP_BLOCK_LIST, "ReduceSum", "ReduceL2", "ReduceMean", "ReduceSumSquare"]
    model = convert_float_to_float16(onnx.load(str(path)), keep_io_types=True, op_block_list=kept)
    onnx.save(model, str(path))


def _float16_openvino(path: Path) -> None:
    """Weights in float16; OpenVINO widens them where the processor has no such arithmetic."""
    import openvino

    model = openvino.Core().read_model(str(path))
    beside = path.with_name(f"{path.stem}-half{path.suffix}")
    openvino.save_model(model, str(beside), compress_to_fp16=True)
    del model
    for suffix in (".xml", ".bin"):
        beside.with_suffix(suffix).replace(path.with_suffix(suffix))


def _int8(path: Path, pixels: np.ndarray, gate: Gate[Found]) -> Found:
    """Quantizes with ever more of the sensitive layers left in float32, until the gate passes.

    Raises:
        UserError: that of the last attempt.
    """
    import onnx

    original = path.with_name(f"float32-{path.name}")
    path.replace(original)
    name = onnx.load(str(original)).graph.input[0].name
    refused, order = UserError("No layers to quantize."), list[str]()
    try:
        for share in LEFT_OUT:
            if share and not order:
                order = _by_sensitivity(original, path, name, pixels[:PROBED])
            _quantize(original, path, name, pixels, order[: round(share * len(order))])
            try:
                return gate()
            except UserError as error:
                refused = error
    finally:
        original.unlink()
    raise _none_passes("int8", refused)


def _images(name: str, pixels: np.ndarray) -> Any:
    """Images one by one, as onnxruntime's calibration reads them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Images(CalibrationDataReader):
        """Batches of one."""

        def __init__(self) -> None:
            self._left = iter(pixels)

        def get_next(self) -> dict[str, np.ndarray] | None:
            """The next image; None at the end."""
            image = next(self._left, None)
            return None if image is None else {name: image[None]}

    return Images()


def _quantize(
    source: Path, target: Path, name: str, pixels: np.ndarray, excluded: Sequence[str]
) -> None:
    """Writes a file whose convolutions and products are of int8, with a scale a channel."""
    from onnxruntime.quantization import QuantType, quantize_static

    with _quiet():
        quantize_static(
            str(source),
            str(target),
            _images(name, pixels),
            op_types_to_quantize=list(QUANTIZED),
            nodes_to_exclude=list(excluded),
            per_channel=True,
            reduce_range=True,  # without VNNI, sums of int8 products overflow int16
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def _by_sensitivity(source: Path, quantized: Path, name: str, pixels: np.ndarray) -> list[str]:
    """Names of the layers, first those whose inputs or output rounding disturbs most."""
    import onnx
    from onnxruntime.quantization import qdq_loss_debug as debug

    activations: list[Any] = []
    with _quiet():
        for path in (source, quantized):
            watched = path.with_name(f"watched-{path.name}")
            debug.modify_model_output_intermediate_tensors(str(path), str(watched))
            activations.append(debug.collect_activations(str(watched), _images(name, pixels)))
            watched.unlink()
    matched = debug.create_activation_matching(activations[1], activations[0])
    signal = {
        key: value["qdq_err"] for key, value in debug.compute_activation_error(matched).items()
    }
    nodes = [node for node in onnx.load(str(source)).graph.node if node.op_type in QUANTIZED]

    def least(node: Any) -> float:
        """The least ratio of signal to noise around a layer, in decibels."""
        return min((signal.get(n, np.inf) for n in (*node.input, *node.output)), default=np.inf)

    return [node.name for node in sorted(nodes, key=least)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without onnxruntime's advice on the root logger."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
