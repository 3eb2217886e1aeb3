"""AdaFace's IR networks: `net.py` of its authors. Trained on BGR."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from framl_keras.published.layout import Layout
from framl_keras.published.torch_network import Tensor, TorchNetwork, symmetric

BLOCK = re.compile(r"^stage(\d+)_block(\d+)_(.+)$")
PARTS = {
    "shortcut_conv": "shortcut_layer.0",
    "shortcut_bn": "shortcut_layer.1",
    "bn1": "res_layer.0",
    "conv1": "res_layer.1",
    "bn2": "res_layer.2",
    "prelu": "res_layer.3",
    "conv2": "res_layer.4",
    "bn3": "res_layer.5",
    "se_squeeze": "res_layer.se_block.fc1",
    "se_excite": "res_layer.se_block.fc2",
}
FIXED = {
    "stem_conv": "input_layer.0",
    "stem_bn": "input_layer.1",
    "stem_prelu": "input_layer.2",
    "input_norm": "output_layer.0",
    "dense": "output_layer.3",
    "output_norm": "output_layer.4",
}
TRAINING = re.compile(r"num_batches_tracked$|^head\.")  # the margin head and its statistics


def adaface(depths: Sequence[int]) -> Layout:
    """The layout of a network whose blocks are numbered through all stages."""

    def prefix(layer: str) -> str:
        match = BLOCK.match(layer)
        if not match:
            return FIXED[layer]
        stage, number = int(match[1]), int(match[2])
        return f"body.{sum(depths[: stage - 1]) + number - 1}.{PARTS[match[3]]}"

    return Layout(
        prefix,
        "output_layer.3.weight",
        embeddings,
        ignorable=TRAINING,
        absent=frozenset({"output_norm/beta"}),
        bgr=True,
    )


def embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of AdaFace's IR networks for RGB pixels, which they see as BGR."""
    net, x = TorchNetwork(tensors), symmetric(pixels[..., ::-1])
    x = net.prelu(net.norm(net.conv(x, "input_layer.0"), "input_layer.1"), "input_layer.2")
    number = 0
    starts = _starts(tensors)
    while net.has(block := f"body.{number}"):
        x = _block(net, x, block, 2 if number in starts else 1)
        number += 1
    return net.norm(
        net.dense(net.norm(x, "output_layer.0"), "output_layer.3"), "output_layer.4"
    ).numpy()


def _starts(tensors: Mapping[str, np.ndarray]) -> set[int]:
    """The blocks that halve the map: the first, and each that has more channels."""
    wider = {int(n.split(".")[1]) for n in tensors if ".shortcut_layer.0." in n}
    return {0} | wider


def _block(net: TorchNetwork, x: Tensor, name: str, stride: int) -> Tensor:
    branch = net.conv(net.norm(x, f"{name}.res_layer.0"), f"{name}.res_layer.1")
    branch = net.prelu(net.norm(branch, f"{name}.res_layer.2"), f"{name}.res_layer.3")
    branch = net.norm(net.conv(branch, f"{name}.res_layer.4", stride), f"{name}.res_layer.5")
    if net.has(f"{name}.res_layer.se_block"):
        branch = net.excite(branch, f"{name}.res_layer.se_block")
    if net.has(f"{name}.shortcut_layer"):
        joined = net.conv(x, f"{name}.shortcut_layer.0", stride)
        return branch + net.norm(joined, f"{name}.shortcut_layer.1")
    return branch + x[:, :, ::stride, ::stride]
