"""FaceResNet: the basic blocks of He et al. with PReLU, small and quick to train."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from framl_keras.types import Options

KerasTensor = Any


def face_resnet(
    input_shape: tuple[int, int, int],
    widths: Sequence[int] = (32, 64, 128, 256),
    batch_norm_momentum: float = 0.9,
    batch_norm_epsilon: float = 1e-5,
    name: str = "face_resnet",
) -> keras.Model:
    """Builds a network of one block a stage: conv – BN – PReLU – conv – BN, added to its input.

    The stem and each stage halve the map, so that 112 x 112 pixels end as 4 x 4. A
    PReLU follows each addition, which IResNet's blocks have not, and starts as a ReLU.

    Args:
        input_shape: `(height, width, channels)`.
        widths: how many channels each stage has; the stem has the first.
        batch_norm_momentum: of every batch norm.
        batch_norm_epsilon: of every batch norm.
        name: the model's name.

    Returns:
        A model from `(batch, height, width, channels)` to `(batch, h, w, widths[-1])`.

    Example:
    >>> face_resnet((112, 112, 3)).output_shape
    (None, 4, 4, 256)

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """
    norm = {"momentum": batch_norm_momentum, "epsilon": batch_norm_epsilon}
    inputs = keras.Input(input_shape)
    x = _prelu(_conv_norm(inputs, widths[0], 3, 2, norm, "stem"), "stem")
    for stage, width in enumerate(widths, 1):
        prefix = f"stage{stage}"
        branch = _prelu(_conv_norm(x, width, 3, 2, norm, f"{prefix}_1"), f"{prefix}_1")
        branch = _conv_norm(branch, width, 3, 1, norm, f"{prefix}_2")
        shortcut = _conv_norm(x, width, 1, 2, norm, f"{prefix}_shortcut")
        x = _prelu(layers.Add(name=f"{prefix}_add")([branch, shortcut]), prefix)
    return keras.Model(inputs, x, name=name)


def _conv_norm(
    x: KerasTensor, width: int, size: int, stride: int, norm: Options, prefix: str
) -> KerasTensor:
    """A convolution without bias, and its batch norm."""
    x = layers.Conv2D(width, size, stride, padding="same", use_bias=False, name=f"{prefix}_conv")(x)
    return layers.BatchNormalization(name=f"{prefix}_bn", **norm)(x)


def _prelu(x: KerasTensor, prefix: str) -> KerasTensor:
    """A slope for each channel, 0 at first."""
    return layers.PReLU(shared_axes=(1, 2), name=f"{prefix}_prelu")(x)
