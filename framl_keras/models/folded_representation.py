"""The embedding stage at inference: its batch norms are part of its Dense."""

from typing import Any

import keras
import numpy as np
from keras import layers

from framl_keras.layers import FeatureRepresentation, UnitLength
from framl_keras.layers.inference import ChannelScale
from framl_keras.models.scale_and_shift import scale_and_shift


def folded_representation(layer: FeatureRepresentation) -> keras.Sequential:
    """Pooling and a Dense that give what the stage gives.

    Before the generalized mean, which is not linear, the first batch norm stays.

    Args:
        layer: the stage, built, in float32 or better.
    """
    stages = {stage.name: stage for stage in layer.stages}
    norms = {name: scale_and_shift(s) for name, s in stages.items() if hasattr(s, "moving_mean")}
    dense = stages["dense"]
    kernel = dense.kernel.numpy().astype(np.float64)
    bias = dense.bias.numpy().astype(np.float64) if dense.use_bias else np.zeros(dense.units)
    before, values, scale, shift = _pooled(layer, stages, norms, len(kernel))
    after_scale, after_shift = norms["output_norm"]
    fresh = layers.Dense(dense.units, dtype=dense.dtype_policy, name="dense")
    shape = layer.get_build_config()["input_shape"]
    tail = [UnitLength(name="unit_length")] if layer.normalize else []
    made = keras.Sequential(
        [keras.Input(shape[1:], dtype=layer.compute_dtype), *before, fresh, *tail], name=layer.name
    )
    for stage, arrays in zip(before, values, strict=True):
        for variable, array in zip(stage.weights, arrays, strict=True):
            variable.assign(array)
    fresh.kernel.assign(scale[:, None] * kernel * after_scale)
    fresh.bias.assign((shift @ kernel + bias) * after_scale + after_shift)
    return made


def _pooled(
    layer: FeatureRepresentation, stages: dict[str, Any], norms: dict[str, Any], rows: int
) -> tuple[list[Any], list[list[np.ndarray]], np.ndarray, np.ndarray]:
    """The stages before the Dense, their weights, and what happens to its inputs, `(rows,)`."""
    scale, shift = norms.get("input_norm", (np.ones(1), np.zeros(1)))
    dtype = layer.dtype_policy
    if layer.pooling == "gem":
        norm = [ChannelScale(dtype=dtype, name="input_norm")] if "input_norm" in norms else []
        power = stages["generalized_mean"]
        weights = [[scale, shift]] if norm else []
        pooling = [*norm, _copy_of(power)]
        return pooling, [*weights, power.get_weights()], np.ones(rows), np.zeros(rows)
    if layer.pooling == "gdc":
        kernel = stages["global_depthwise"].kernel.numpy().astype(np.float64)
        times, plus = norms["global_norm"]
        shift = shift * kernel.sum((0, 1, 3)) * times + plus
        weighted = kernel * np.broadcast_to(scale * times, times.shape)[:, None]
        return [_copy_of(stages["global_depthwise"])], [[weighted]], np.ones(rows), shift
    pooling = [_copy_of(stages["average" if layer.pooling == "average" else "flatten"])]
    places = rows // len(scale)
    return pooling, [[]], np.tile(scale, places), np.tile(shift, places)


def _copy_of(stage: Any) -> Any:
    return type(stage).from_config(stage.get_config())
