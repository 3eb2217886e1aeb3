"""Squeeze and excitation: weights each channel by the mean of all channels."""

from typing import Any

from keras import layers

KerasTensor = Any


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
