"""Makes embedders from ONNX files of insightface's recognizers, such as `w600k_r50.onnx`."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from framl_keras import backbones
from framl_keras.backbones.faces import DEPTHS
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.optional import require
from framl_keras.published.arcface_torch import ARCFACE_TORCH
from framl_keras.published.fill import fill
from framl_keras.published.imported import Imported
from framl_keras.published.layout import head_options, torch_slots, without_frozen_gamma
from framl_keras.published.onnx_iresnet import Walk
from framl_keras.published.parity import largest_difference

LAYOUT = ARCFACE_TORCH


def from_onnx(path: Path, backbone: str | None, image_size: int) -> Imported:
    """Imports an IResNet whose batch norms may be folded into its convolutions.

    Args:
        path: the file.
        backbone: the network's name; None takes what the graph says.
        image_size: side of the input in pixels.

    Raises:
        UserError: if the graph is of another network, or of another one than is named.
    """
    onnx = require("onnx", "onnx", f"{path}: an ONNX graph")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's own, and others'
        raise UserError(f"{path}: not an ONNX file, or a damaged one.") from error
    if not model.graph.node:  # protobuf reads almost any bytes
        raise UserError(f"{path}: not an ONNX file, or an empty one. Expected a recognizer's.")
    walk = _walked(model, path)
    name = _name_of(walk.blocks, backbone, path)
    options = {**backbones.get(name).head, **head_options(LAYOUT, walk.tensors)}
    embedder = embedding_model(name, image_size, **options)
    tensors = without_frozen_gamma(LAYOUT, walk.tensors)
    fill(torch_slots(embedder, LAYOUT), tensors, LAYOUT.ignorable, str(path))
    if importlib.util.find_spec("onnxruntime") is None:
        return Imported(embedder, None, "onnxruntime", LAYOUT.assumptions)
    difference = largest_difference(embedder, _original(path))
    return Imported(embedder, difference, "onnxruntime", LAYOUT.assumptions)


def _walked(model: Any, path: Path) -> Walk:
    """A walk from the graph's one input to its one output."""
    known = {each.name for each in model.graph.initializer}
    inputs = [each.name for each in model.graph.input if each.name not in known]
    outputs = [each.name for each in model.graph.output]
    if len(inputs) != 1 or len(outputs) != 1:
        raise UserError(
            f"{path}: a graph with {len(inputs)} inputs and {len(outputs)} outputs. Expected one "
            "of pixels and one of embeddings."
        )
    try:
        walk = Walk(model, str(path))
        walk.run(inputs[0])
    except UserError:
        raise
    except (ValueError, TypeError, IndexError) as error:  # sizes that don't fit their bytes
        raise UserError(f"{path}: a damaged ONNX file: {error}.") from error
    return walk


def _name_of(blocks: list[int], given: str | None, path: Path) -> str:
    """The network with so many blocks a stage.

    Raises:
        UserError: if there is none, or another one was named.
    """
    names: dict[tuple[int, ...], str] = {each: f"IResNet{depth}" for depth, each in DEPTHS.items()}
    name = names.get(tuple(blocks))
    if name is None:
        raise UserError(
            f"{path}: an IResNet of {blocks} blocks. Expected one of {[list(b) for b in names]}."
        )
    if given not in (None, name):
        raise UserError(f"{path}: the graph is {name}'s, not {given}'s. Expected --as {name}.")
    return name


def _original(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The file itself, by onnxruntime, for RGB pixels 0…255 `(batch, size, size, 3)`."""
    import onnxruntime  # noqa: PLC0415 - optional

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def embeddings(pixels: np.ndarray) -> np.ndarray:
        scaled = ((pixels.transpose(0, 3, 1, 2) - 127.5) / 127.5).astype(np.float32)
        return np.concatenate([session.run(None, {name: one[None]})[0] for one in scaled])

    return embeddings
