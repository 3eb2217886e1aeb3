"""A model in fewer operations, for inference: what graph compilers do and Keras does not.

A batch norm that is no longer trained is a scale and a shift for each channel. Where it
follows a convolution or a Dense, both go into the kernel and the bias.
"""

from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import layers

from framl_keras.keras_internals import (
    is_functional,
    maker_of,
    nodes_in_order,
    weights_were_put,
)
from framl_keras.layers import FeatureRepresentation
from framl_keras.layers.inference import ChannelScale, ChannelSlope
from framl_keras.models.folded_representation import folded_representation
from framl_keras.models.scale_and_shift import NORMS, is_plain, scale_and_shift

FOLDS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.Dense)

TAKES_NO_OPTIONS = (layers.Identity, ChannelScale, ChannelSlope, keras.Sequential)


def folded(model: keras.Model) -> keras.Model:
    """A copy of a model that gives the same but for rounding, for inference alone.

    Batch norms that follow convolutions and Dense layers are folded into these, others and
    PReLUs become one operation, and `FeatureRepresentation` one Dense where it can. What is
    not of float32 or better stays as it is.

    Args:
        model: any functional model, of which models within are folded too; any other model
            is returned as it is.

    Example:
    >>> from framl_keras.models import embedding_model
    >>> model = embedding_model("IResNet10", 48, embedding_dim=8)
    >>> len(folded(model).weights) < len(model.weights)
    True
    """
    if not is_functional(model):
        return model
    norms = _norms_to_fold(model)
    copies: list[tuple[Any, Any]] = []

    def copy(layer: Any) -> Any:
        made = _copy(layer, norms)
        copies.append((layer, made))
        return made

    def call(made: Any, *inputs: Any, **options: Any) -> Any:
        return made(*inputs) if isinstance(made, TAKES_NO_OPTIONS) else made(*inputs, **options)

    made = keras.models.clone_model(model, clone_function=copy, call_function=call)
    after = {id(before): norm for norm, before in norms}
    for layer, fresh in copies:
        _fill(layer, fresh, after.get(id(layer)))
    return made


def _norms_to_fold(model: keras.Model) -> list[tuple[Any, Any]]:
    """Batch norms of a model, each with the layer that alone feeds it and can take it in."""
    nodes = nodes_in_order(model)
    calls = Counter(id(node.operation) for node in nodes)
    uses = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    uses.update(id(tensor) for tensor in model.outputs)
    pairs = []
    for node in nodes:
        norm = node.operation
        if not isinstance(norm, NORMS) or not is_plain(norm):
            continue
        (tensor,) = node.input_tensors
        before = maker_of(tensor)
        once = calls[id(norm)] == calls[id(before)] == uses[id(tensor)] == 1
        if once and _takes_norms(before):
            pairs.append((norm, before))
    return pairs


def _takes_norms(layer: Any) -> bool:
    """Whether a layer is a product with a bias and nothing after it."""
    return (
        isinstance(layer, FOLDS)
        and layer.activation is keras.activations.linear
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and layer.compute_dtype in ("float32", "float64")
        and not getattr(layer, "lora_enabled", False)
        and getattr(layer, "quantization_mode", None) is None
    )


def _copy(layer: Any, norms: list[tuple[Any, Any]]) -> Any:
    """What takes a layer's place, not filled yet."""
    if not isinstance(layer, layers.Layer):
        return layer  # a bare operation has no weights
    if is_functional(layer):
        return folded(layer)
    takes_bias = any(layer is before for _, before in norms)
    if takes_bias or explicit_padding(layer):
        return _product(layer, takes_bias)
    if isinstance(layer, FeatureRepresentation) and layer.compute_dtype in ("float32", "float64"):
        return folded_representation(layer)
    simple = _simple(layer, any(layer is norm for norm, _ in norms))
    return simple or type(layer).from_config(layer.get_config())


def _simple(layer: Any, is_folded: bool) -> Any:
    """The layer of one operation that does at inference what a batch norm or PReLU does."""
    options = {"name": layer.name, "dtype": layer.dtype_policy}
    if is_folded:
        return layers.Identity(**options)
    if isinstance(layer, NORMS) and is_plain(layer):
        return ChannelScale(**options)
    if isinstance(layer, layers.PReLU) and _is_by_channel(layer):
        return ChannelSlope(**options)
    return None


def _product(layer: Any, takes_bias: bool) -> Any:
    """A convolution or Dense, with a bias if it takes one, and with its padding before it."""
    config = {**layer.get_config(), "use_bias": layer.use_bias or takes_bias}
    padding = explicit_padding(layer)
    if padding is None:
        return type(layer).from_config(config)
    product = type(layer).from_config({**config, "padding": "valid"})
    before = layers.ZeroPadding2D(padding, dtype=layer.dtype_policy, name=f"{layer.name}_pad")
    return keras.Sequential([before, product], name=layer.name)


def explicit_padding(layer: Any) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """What `same` adds above, below, left and right where strides make it depend on the size.

    Keras on Torch computes it from the images' size in each call, and in exported graphs.
    """
    is_convolution = isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D)
    if not is_convolution or layer.padding != "same" or max(layer.strides) == 1:
        return None
    shape = (layer.get_build_config() or {}).get("input_shape")
    if layer.data_format != "channels_last" or shape is None or None in shape[1:3]:
        return None
    both = []
    for size, kernel, stride, dilation in zip(
        shape[1:3], layer.kernel_size, layer.strides, layer.dilation_rate, strict=True
    ):
        missing = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        both.append((missing // 2, missing - missing // 2))
    return (both[0], both[1])


def _is_by_channel(layer: layers.PReLU) -> bool:
    return layer.alpha.shape[-1] == int(np.prod(layer.alpha.shape))


def _fill(layer: Any, made: Any, norm: Any) -> None:
    """Puts a layer's weights, and those of the batch norm behind it, into its copy."""
    if isinstance(made, keras.Sequential) and isinstance(layer, FOLDS):
        made = made.layers[-1]  # after its padding
    if norm is not None:
        _fill_folded(layer, made, norm)
    elif isinstance(made, ChannelScale) and not isinstance(layer, ChannelScale):
        for variable, value in zip((made.scale, made.shift), scale_and_shift(layer), strict=True):
            variable.assign(value)
    elif isinstance(made, ChannelSlope) and not isinstance(layer, ChannelSlope):
        made.slope.assign(np.reshape(layer.alpha.numpy(), -1))
    elif made is not layer and type(made) is type(layer) and not is_functional(layer):
        made.set_weights(layer.get_weights())
        weights_were_put(made)


def _fill_folded(layer: Any, made: Any, norm: Any) -> None:
    """The kernel times the scale, and the bias times it plus the shift."""
    scale, shift = scale_and_shift(norm)
    bias = layer.bias.numpy().astype(np.float64) if layer.use_bias else 0.0
    name = "kernel"
    if isinstance(layer, layers.SeparableConv2D):
        made.depthwise_kernel.assign(layer.depthwise_kernel.numpy())  # JAX gives arrays away
        name = "pointwise_kernel"
    kernel = getattr(layer, name).numpy().astype(np.float64)
    is_depthwise = isinstance(layer, layers.DepthwiseConv2D)
    factors = scale.reshape(kernel.shape[-2:]) if is_depthwise else scale
    getattr(made, name).assign(kernel * factors)
    made.bias.assign(bias * scale + shift)
