"""What FRAML's and arcface-tf2's models compute, from their tensors alone, in TensorFlow."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

Tensor = Any

RESNET50 = {2: (3, 1), 3: (4, 2), 4: (6, 2), 5: (3, 2)}  # stage -> (blocks, stride)
MOBILENET_V2_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)


class _Network:
    """TensorFlow's layers in inference, each named by its layer."""

    def __init__(self, tensors: Mapping[str, np.ndarray], epsilon: float):
        tf = importlib.import_module("tensorflow")
        self.tf, self.tensors, self.epsilon = tf, tensors, epsilon

    def conv(self, x: Tensor, name: str, stride: int = 1, padding: str = "SAME") -> Tensor:
        """A convolution, with its bias where it has one."""
        x = self.tf.nn.conv2d(x, self.tensors[f"{name}/kernel"], stride, padding)
        return x + self.tensors.get(f"{name}/bias", np.float32(0))

    def depthwise(self, x: Tensor, name: str, stride: int) -> Tensor:
        """A convolution of each channel by itself."""
        kernel = self.tensors[f"{name}/kernel"]
        return self.tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")

    def norm(self, x: Tensor, name: str, epsilon: float | None = None) -> Tensor:
        """A batch norm."""
        mean, variance, beta, gamma = (
            self.tensors[f"{name}/{kind}"]
            for kind in ("moving_mean", "moving_variance", "beta", "gamma")
        )
        return (x - mean) * gamma / self.tf.sqrt(variance + (epsilon or self.epsilon)) + beta


def resnet50_embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of `ArcFaceModel` on ResNet50 for RGB pixels `(batch, size, size, 3)`."""
    net = _Network(tensors, epsilon=1.001e-5)
    tf = net.tf
    x = tf.pad(_scaled(tf, pixels), ((0, 0), (3, 3), (3, 3), (0, 0)))
    x = tf.nn.relu(net.norm(net.conv(x, "conv1_conv", 2, "VALID"), "conv1_bn"))
    x = tf.nn.max_pool2d(tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 3, 2, "VALID")
    for stage, (blocks, stride) in RESNET50.items():
        for number in range(1, blocks + 1):
            x = _resnet_block(net, x, f"conv{stage}_block{number}", stride if number == 1 else 1)
    return _head(net, x)


def _resnet_block(net: _Network, x: Tensor, name: str, stride: int) -> Tensor:
    relu, joined = net.tf.nn.relu, x
    if f"{name}_0_conv/kernel" in net.tensors:
        joined = net.norm(net.conv(x, f"{name}_0_conv", stride), f"{name}_0_bn")
    x = relu(net.norm(net.conv(x, f"{name}_1_conv", stride), f"{name}_1_bn"))
    x = relu(net.norm(net.conv(x, f"{name}_2_conv"), f"{name}_2_bn"))
    return relu(net.norm(net.conv(x, f"{name}_3_conv"), f"{name}_3_bn") + joined)


def mobilenet_v2_embeddings(tensors: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Embeddings of `ArcFaceModel` on MobileNetV2 for RGB pixels `(batch, size, size, 3)`."""
    net = _Network(tensors, epsilon=1e-3)
    relu6 = net.tf.nn.relu6
    x = relu6(net.norm(net.conv(_scaled(net.tf, pixels), "Conv1", 2), "bn_Conv1"))
    for number, stride in enumerate(MOBILENET_V2_STRIDES):
        prefix = f"block_{number}_" if number else "expanded_conv_"
        x = _mobile_block(net, x, prefix, stride)
    return _head(net, relu6(net.norm(net.conv(x, "Conv_1"), "Conv_1_bn")))


def _mobile_block(net: _Network, x: Tensor, prefix: str, stride: int) -> Tensor:
    relu6, inputs = net.tf.nn.relu6, x
    if f"{prefix}expand/kernel" in net.tensors:
        x = relu6(net.norm(net.conv(x, f"{prefix}expand"), f"{prefix}expand_BN"))
    x = net.depthwise(x, f"{prefix}depthwise", stride)
    x = relu6(net.norm(x, f"{prefix}depthwise_BN"))
    x = net.norm(net.conv(x, f"{prefix}project"), f"{prefix}project_BN")
    return inputs + x if stride == 1 and inputs.shape[-1] == x.shape[-1] else x


def _scaled(tf: Any, pixels: np.ndarray) -> Tensor:
    return tf.constant(np.asarray(pixels, dtype=np.float32) / 255)


def _head(net: _Network, x: Tensor) -> np.ndarray:
    """Their OutputLayer: batch norm, flatten, Dense, batch norm."""
    x = net.norm(x, "input_norm", epsilon=1e-3)
    x = net.tf.reshape(x, (x.shape[0], -1)) @ net.tensors["dense/kernel"]
    return net.norm(x + net.tensors["dense/bias"], "output_norm", epsilon=1e-3).numpy()
