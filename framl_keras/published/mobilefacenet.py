"""insightface's MobileFaceNet: `recognition/arcface_torch/backbones/mobilefacenet.py`."""

import re
from collections.abc import Mapping

import numpy as np

from framl_keras.published.layout import Layout
from framl_keras.published.torch_network import Tensor, TorchNetwork, symmetric

BLOCK = re.compile(
    r"^(?P<stage>stem|stage\d+)_(?P<block>reduce|block\d+)"
    r"_(?P<step>expand|depthwise|project)(?P<part>|_bn|_prelu)$"
)
STEPS = {"expand": 0, "depthwise": 1, "project": 2}
PARTS = {"": 0, "_bn": 1, "_prelu": 2}
FIXED = {
    "stem_conv": "layers.0.layers.0",
    "stem_conv_bn": "layers.0.layers.1",
    "stem_prelu": "layers.0.layers.2",
    "stem_grouped": "layers.1.layers.0",
    "stem_grouped_bn": "layers.1.layers.1",
    "stem_grouped_prelu": "layers.1.layers.2",
    "last_conv": "conv_sep.layers.0",
    "last_conv_bn": "conv_sep.layers.1",
    "last_prelu": "conv_sep.layers.2",
    "global_depthwise": "features.layers.0.layers.0",
    "global_norm": "features.layers.0.layers.1",
    "dense": "features.layers.2",
    "output_norm": "features.layers.3",
}


def _prefix(layer: str) -> str:
    """`stage1_block2_project_bn` is `layers.3.layers.1.layers.2.layers.1`."""
    match = BLOCK.match(layer)
    if not match:
        return FIXED[layer]
    stage = 0 if match["stage"] == "stem" else int(match["stage"].removeprefix("stage"))
    inner = f"layers.{STEPS[match['step']]}.layers.{PARTS[match['part']]}"
    if match["block"] == "reduce":
        return f"layers.{2 * stage}.{inner}"
    number = int(match["block"].removeprefix("block")) - 1
    return f"layers.{2 * stage + 1}.layers.{number}.{inner}"


def embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of insightface's MobileFaceNet for RGB pixels `(batch, size, size, 3)`."""
    net, x = TorchNetwork(tensors), symmetric(pixels)
    x = _conv(net, x, "layers.0", stride=2)
    for number in range(1, 8):
        name = f"layers.{number}"
        if net.has(f"{name}.layers.0.layers.0.layers.0"):
            x = _residuals(net, x, name)
        elif net.has(f"{name}.layers.0.layers.0"):
            x = _block(net, x, name, stride=2)
        else:
            x = _conv(net, x, name)
    x = _conv(net, x, "conv_sep")
    x = net.norm(net.conv(x, "features.layers.0.layers.0", padding=0), "features.layers.0.layers.1")
    return net.norm(net.dense(x, "features.layers.2"), "features.layers.3").numpy()


def _residuals(net: TorchNetwork, x: Tensor, name: str) -> Tensor:
    number = 0
    while net.has(block := f"{name}.layers.{number}"):
        x = x + _block(net, x, block)
        number += 1
    return x


def _block(net: TorchNetwork, x: Tensor, name: str, stride: int = 1) -> Tensor:
    x = _conv(net, x, f"{name}.layers.0")
    x = _conv(net, x, f"{name}.layers.1", stride)
    return net.norm(net.conv(x, f"{name}.layers.2.layers.0"), f"{name}.layers.2.layers.1")


def _conv(net: TorchNetwork, x: Tensor, name: str, stride: int = 1) -> Tensor:
    x = net.norm(net.conv(x, f"{name}.layers.0", stride), f"{name}.layers.1")
    return net.prelu(x, f"{name}.layers.2")


MOBILEFACENET = Layout(_prefix, "features.layers.2.weight", embeddings)
