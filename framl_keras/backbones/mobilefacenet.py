"""MobileFaceNet: inverted residuals with PReLU, for phones."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from framl_keras.types import Options

KerasTensor = Any

STAGES = ((64, 128), (128, 256), (128, 512))  # width for a scale of 1, channels in the middle


def mobilefacenet(
    input_shape: tuple[int, int, int],
    blocks: Sequence[int] = (1, 4, 6, 2),
    scale: int = 2,
    batch_norm_momentum: float = 0.9,
    batch_norm_epsilon: float = 1e-5,
    name: str = "mobilefacenet",
) -> keras.Model:
    """Builds insightface's variant of MobileFaceNet (`mbf`).

    The global depthwise convolution that follows it belongs to `FeatureRepresentation`
    (`pooling="gdc"`).

    Args:
        input_shape: `(height, width, channels)`.
        blocks: residual blocks in the stem and in each of the three stages; a stem of
            one is a convolution in 64 groups instead.
        scale: what widths are multiplied with.
        batch_norm_momentum: of every batch norm; torch's 0.1 is 0.9 here.
        batch_norm_epsilon: of every batch norm.
        name: the model's name.

    Returns:
        A model from `(batch, height, width, channels)` to `(batch, h, w, 512)`.

    Raises:
        ValueError: if `blocks` has not four numbers.

    Example:
    >>> mobilefacenet((112, 112, 3)).output_shape
    (None, 7, 7, 512)

    Reference:
        Chen et al., "MobileFaceNets", CCBR 2018.
    """
    if len(blocks) != 1 + len(STAGES):
        raise ValueError(f"`blocks` must be four numbers. Received: blocks={tuple(blocks)}")
    norm = {"momentum": batch_norm_momentum, "epsilon": batch_norm_epsilon}
    inputs = keras.Input(input_shape)
    stem = 64 * scale
    x = _conv_bn(inputs, stem, 3, 2, norm, "stem_conv")
    x = _prelu("stem_prelu")(x)
    if blocks[0] == 1:
        x = _conv_bn(x, stem, 3, 1, norm, "stem_grouped", groups=64)
        x = _prelu("stem_grouped_prelu")(x)
    else:
        x = _residuals(x, blocks[0], 128, norm, "stem")
    for stage, (width, middle) in enumerate(STAGES, 1):
        x = _depthwise_block(x, width * scale, middle, 2, norm, f"stage{stage}_reduce")
        # The last stage is wider in the middle only where it halves the map.
        x = _residuals(x, blocks[stage], min(middle, 256), norm, f"stage{stage}")
    x = _conv_bn(x, 512, 1, 1, norm, "last_conv")
    x = _prelu("last_prelu")(x)
    return keras.Model(inputs, x, name=name)


def _residuals(x: KerasTensor, depth: int, middle: int, norm: Options, prefix: str) -> KerasTensor:
    """`depth` blocks, each added to its input."""
    for number in range(1, depth + 1):
        name = f"{prefix}_block{number}"
        branch = _depthwise_block(x, x.shape[-1], middle, 1, norm, name)
        x = layers.Add(name=f"{name}_add")([x, branch])
    return x


def _depthwise_block(
    x: KerasTensor, width: int, middle: int, stride: int, norm: Options, prefix: str
) -> KerasTensor:
    """Widen, convolve each channel, narrow."""
    x = _conv_bn(x, middle, 1, 1, norm, f"{prefix}_expand")
    x = _prelu(f"{prefix}_expand_prelu")(x)
    if stride > 1:
        x = layers.ZeroPadding2D(1, name=f"{prefix}_pad")(x)
    x = _depthwise(x, 3, stride, "valid" if stride > 1 else "same", f"{prefix}_depthwise")
    x = layers.BatchNormalization(name=f"{prefix}_depthwise_bn", **norm)(x)
    x = _prelu(f"{prefix}_depthwise_prelu")(x)
    return _conv_bn(x, width, 1, 1, norm, f"{prefix}_project")


def _conv_bn(
    x: KerasTensor,
    width: int,
    size: int,
    stride: int,
    norm: Options,
    name: str,
    groups: int = 1,
) -> KerasTensor:
    """A convolution without bias that pads both sides alike, and its batch norm."""
    if stride > 1:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        width,
        size,
        stride,
        padding="valid" if stride > 1 else "same",
        groups=groups,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    return layers.BatchNormalization(name=f"{name}_bn", **norm)(x)


def _depthwise(x: KerasTensor, size: int, stride: int, padding: str, name: str) -> KerasTensor:
    """A convolution of each channel by itself, without bias."""
    return layers.DepthwiseConv2D(
        size,
        stride,
        padding=padding,
        use_bias=False,
        # He's, for the window alone: Keras' fan in counts all channels.
        depthwise_initializer=keras.initializers.VarianceScaling(2.0, "fan_out"),
        name=name,
    )(x)


def _prelu(name: str) -> layers.PReLU:
    """A slope for each channel, 0.25 at first."""
    return layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25), shared_axes=(1, 2), name=name
    )
