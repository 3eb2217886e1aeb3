"""IResNet: residual networks for faces, with PReLU and a batch norm before each convolution."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from framl_keras.types import Options

KerasTensor = Any


def iresnet(
    input_shape: tuple[int, int, int],
    blocks: Sequence[int],
    widths: Sequence[int] = (64, 128, 256, 512),
    stem_stride: int = 1,
    squeeze_excitation: bool = False,
    shortcut: str = "projection",
    batch_norm_momentum: float = 0.9,
    batch_norm_epsilon: float = 1e-5,
    name: str = "iresnet",
) -> keras.Model:
    """Builds a network of blocks BN – conv – BN – PReLU – conv – BN, added to their input.

    The stem has no pooling, so that a face of 112 x 112 pixels ends as a map of
    7 x 7. Each stage begins with a block of stride 2. Convolutions of stride 2
    pad both sides alike, as in the published networks (Keras' `same` does not).

    Args:
        input_shape: `(height, width, channels)`.
        blocks: how many blocks each stage has.
        widths: how many channels each stage has; the stem has the first.
        stem_stride: 1 as published; 2 is four times faster.
        squeeze_excitation: weigh the channels of each block, as in IR-SE networks.
        shortcut: what joins a stage's input to its first block's output:
            `projection` (1x1 convolution and BN, as insightface), or `subsample` (every
            other pixel where the width stays, else a projection; as AdaFace's IR networks).
        batch_norm_momentum: of every batch norm; torch's 0.1 is 0.9 here.
        batch_norm_epsilon: of every batch norm.
        name: the model's name.

    Returns:
        A model from `(batch, height, width, channels)` to `(batch, h, w, widths[-1])`.

    Raises:
        ValueError: if `blocks` and `widths` differ in length or `shortcut` is unknown.

    Example:
    >>> iresnet((112, 112, 3), blocks=(3, 4, 14, 3)).output_shape
    (None, 7, 7, 512)

    References:
        Duta et al., "Improved Residual Networks for Image and Video Recognition", 2020.
        Deng et al., "ArcFace", CVPR 2019.
    """
    if len(blocks) != len(widths):
        raise ValueError(
            "`blocks` and `widths` must have one number a stage. "
            f"Received: blocks={tuple(blocks)}, widths={tuple(widths)}"
        )
    if shortcut not in ("projection", "subsample"):
        raise ValueError(
            f"`shortcut` must be 'projection' or 'subsample'. Received: shortcut={shortcut!r}"
        )
    norm = {"momentum": batch_norm_momentum, "epsilon": batch_norm_epsilon}
    inputs = keras.Input(input_shape)
    x = _conv(inputs, widths[0], 3, stem_stride, "stem_conv")
    x = layers.BatchNormalization(name="stem_bn", **norm)(x)
    x = _prelu("stem_prelu")(x)
    for stage, (depth, width) in enumerate(zip(blocks, widths, strict=True), 1):
        for number in range(1, depth + 1):
            prefix = f"stage{stage}_block{number}"
            stride = 2 if number == 1 else 1
            branch = _branch(x, width, stride, norm, prefix)
            if squeeze_excitation:
                branch = squeeze_excite(branch, 16, f"{prefix}_se")
            joined = _shortcut(x, width, stride, shortcut, norm, prefix)
            x = layers.Add(name=f"{prefix}_add")([branch, joined])
    return keras.Model(inputs, x, name=name)


def _branch(x: KerasTensor, width: int, stride: int, norm: Options, prefix: str) -> KerasTensor:
    """BN – conv – BN – PReLU – conv – BN."""
    x = layers.BatchNormalization(name=f"{prefix}_bn1", **norm)(x)
    x = _conv(x, width, 3, 1, f"{prefix}_conv1")
    x = layers.BatchNormalization(name=f"{prefix}_bn2", **norm)(x)
    x = _prelu(f"{prefix}_prelu")(x)
    x = _conv(x, width, 3, stride, f"{prefix}_conv2")
    return layers.BatchNormalization(name=f"{prefix}_bn3", **norm)(x)


def _shortcut(
    x: KerasTensor, width: int, stride: int, kind: str, norm: Options, prefix: str
) -> KerasTensor:
    """The block's input in its output's shape."""
    same_width = x.shape[-1] == width
    if stride == 1 and same_width:
        return x
    if kind == "subsample" and same_width:
        return layers.MaxPooling2D(1, stride, name=f"{prefix}_shortcut_pool")(x)
    x = _conv(x, width, 1, stride, f"{prefix}_shortcut_conv")
    return layers.BatchNormalization(name=f"{prefix}_shortcut_bn", **norm)(x)


def _conv(x: KerasTensor, width: int, size: int, stride: int, name: str) -> KerasTensor:
    """A convolution without bias that pads `size // 2` on every side."""
    same = stride == 1
    if size > 1 and not same:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
    return layers.Conv2D(
        width,
        size,
        stride,
        padding="same" if same else "valid",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _prelu(name: str) -> layers.PReLU:
    """A slope for each channel, 0.25 at first."""
    return layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.25), shared_axes=(1, 2), name=name
    )


def squeeze_excite(x: KerasTensor, reduction: int, name: str) -> KerasTensor:
    """Multiplies each channel with sigmoid(W2 · relu(W1 · mean over the map)).

    Args:
        x: a feature map `(batch, h, w, channels)`.
        reduction: how many times fewer units the middle has than channels.
        name: what the layers' names begin with.

    Returns:
        A map of the same shape.

    Reference:
        Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018.
    """
    channels = x.shape[-1]
    middle = max(1, channels // reduction)
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    weights = layers.Conv2D(middle, 1, use_bias=False, activation="relu", name=f"{name}_squeeze")(
        weights
    )
    weights = layers.Conv2D(
        channels, 1, use_bias=False, activation="sigmoid", name=f"{name}_excite"
    )(weights)
    return layers.Multiply(name=f"{name}_weigh")([x, weights])
