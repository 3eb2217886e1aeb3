"""Torch's layers in inference, on the tensors of a state dict: the other side of parity.

Nothing here knows Keras.
"""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

Tensor = Any


class TorchNetwork:
    """Torch's layers, each found by the prefix of its tensors' names."""

    def __init__(self, tensors: Mapping[str, np.ndarray], epsilon: float = 1e-5):
        torch = importlib.import_module("torch")
        self.epsilon = epsilon
        self.functional = torch.nn.functional
        self.tensors = {
            name: torch.from_numpy(np.array(tensor, dtype=np.float32))
            for name, tensor in tensors.items()
        }

    def has(self, prefix: str) -> bool:
        """Whether any tensor's name has this prefix."""
        return any(name.startswith(f"{prefix}.") for name in self.tensors)

    def conv(self, x: Tensor, name: str, stride: int = 1, padding: int | None = None) -> Tensor:
        """A convolution that pads half its size; in groups, where the kernel says so."""
        kernel = self.tensors[f"{name}.weight"]
        padding = kernel.shape[-1] // 2 if padding is None else padding
        groups = x.shape[1] // kernel.shape[1]
        return self.functional.conv2d(x, kernel, None, stride, padding, groups=groups)

    def norm(self, x: Tensor, name: str) -> Tensor:
        """A batch norm, with or without gamma and beta."""
        mean, variance = (self.tensors[f"{name}.running_{kind}"] for kind in ("mean", "var"))
        gamma, beta = (self.tensors.get(f"{name}.{kind}") for kind in ("weight", "bias"))
        return self.functional.batch_norm(x, mean, variance, gamma, beta, eps=self.epsilon)

    def prelu(self, x: Tensor, name: str) -> Tensor:
        """A slope for each channel."""
        return self.functional.prelu(x, self.tensors[f"{name}.weight"])

    def dense(self, x: Tensor, name: str) -> Tensor:
        """A linear map of the flattened input."""
        weight, bias = self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias")
        return self.functional.linear(x.flatten(1), weight, bias)

    def excite(self, x: Tensor, name: str) -> Tensor:
        """Squeeze and excitation."""
        mean = x.mean((2, 3), keepdim=True)
        middle = self.conv(mean, f"{name}.fc1").relu()
        return x * self.conv(middle, f"{name}.fc2").sigmoid()


def symmetric(pixels: np.ndarray) -> Tensor:
    """Pixels as torch's face networks take them: channels first, within [-1, 1]."""
    return channels_first((np.asarray(pixels, dtype=np.float32) - 127.5) / 127.5)


def channels_first(scaled: np.ndarray) -> Tensor:
    """Pixels `(batch, size, size, 3)` as a tensor of torch's order of axes."""
    torch = importlib.import_module("torch")
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))
