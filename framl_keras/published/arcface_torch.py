"""insightface's IResNets: `recognition/arcface_torch/backbones/iresnet.py`."""

import re
from collections.abc import Mapping

import numpy as np

from framl_keras.published.layout import Layout
from framl_keras.published.torch_network import Tensor, TorchNetwork, symmetric

BLOCK = re.compile(r"^stage(\d+)_block(\d+)_(.+)$")
PARTS = {"shortcut_conv": "downsample.0", "shortcut_bn": "downsample.1"}
FIXED = {
    "stem_conv": "conv1",
    "stem_bn": "bn1",
    "stem_prelu": "prelu",
    "input_norm": "bn2",
    "dense": "fc",
    "output_norm": "features",
}


def _prefix(layer: str) -> str:
    """`stage2_block1_conv1` is `layer2.0.conv1`."""
    match = BLOCK.match(layer)
    if not match:
        return FIXED[layer]
    stage, number, part = match.groups()
    return f"layer{stage}.{int(number) - 1}.{PARTS.get(part, part)}"


def embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of insightface's IResNets for RGB pixels `(batch, size, size, 3)`."""
    return iresnet(TorchNetwork(tensors), symmetric(pixels))


def iresnet(net: TorchNetwork, x: Tensor) -> np.ndarray:
    """Embeddings of an IResNet with insightface's names, for pixels as it takes them."""
    x = net.prelu(net.norm(net.conv(x, "conv1"), "bn1"), "prelu")
    for stage in range(1, 5):
        number = 0
        while net.has(block := f"layer{stage}.{number}"):
            x = _block(net, x, block, 2 if number == 0 else 1)
            number += 1
    return net.norm(net.dense(net.norm(x, "bn2"), "fc"), "features").numpy()


def _block(net: TorchNetwork, x: Tensor, name: str, stride: int) -> Tensor:
    branch = net.conv(net.norm(x, f"{name}.bn1"), f"{name}.conv1")
    branch = net.prelu(net.norm(branch, f"{name}.bn2"), f"{name}.prelu")
    branch = net.norm(net.conv(branch, f"{name}.conv2", stride), f"{name}.bn3")
    if net.has(f"{name}.downsample"):
        x = net.norm(net.conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1")
    return branch + x


ARCFACE_TORCH = Layout(_prefix, "fc.weight", embeddings, frozen_gamma="features.weight")
