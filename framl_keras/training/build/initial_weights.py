"""One start: the same initial weights on every backend, drawn with NumPy."""

import math
import zlib
from collections.abc import Sequence

import keras
import numpy as np
from keras import initializers

from framl_keras.keras_internals import layers_within, own_variables
from framl_keras.training.class_rows import ClassRows, Rows


def draw_initial_weights(model: keras.Model, seed: int, keep: Sequence[keras.Model] = ()) -> None:
    """Draws each random weight anew from (seed, its path), to its initializer's distribution.

    Keras draws with the backend's own generator, so the same seed gives other
    numbers on each. Weights with constant initializers stay as they are.

    Args:
        model: a built model; a weight is drawn where its layer has an attribute
            `<weight>_initializer`, as Keras' layers do.
        seed: any non-negative integer.
        keep: parts of the model that have their weights already.
    """
    rows = ClassRows(model)
    kept = {id(layer) for part in keep for layer in layers_within(part, itself=True)}
    for layer in layers_within(model):
        if id(layer) in kept:
            continue
        # A head that samples classes updates its centers itself: they are not trainable.
        for variable in own_variables(layer):
            initializer = _initializer_of(layer, variable.name)
            key = [seed, zlib.crc32(variable.path.encode())]
            drawn = _rows_drawn(initializer, rows.shape_of(variable), key)
            if drawn is not None:
                rows.put(variable, drawn)


def _initializer_of(layer: keras.layers.Layer, name: str) -> object:
    """The initializer that a layer holds for a weight, or None.

    Depthwise and separable convolutions name theirs after the kind of kernel.
    """
    kinds = [name, name.removesuffix("_kernel"), *(["depthwise"] if name == "kernel" else [])]
    initializers = (getattr(layer, f"{kind}_initializer", None) for kind in kinds)
    return next((initializer for initializer in initializers if initializer is not None), None)


def _rows_drawn(initializer: object, shape: tuple[int, ...], key: Sequence[int]) -> Rows | None:
    """What gives rows of an initializer's values, float32, or None where it is not random.

    Rows of a uniform distribution are drawn alone: its generator takes as many steps as there
    are numbers, and can go on from any of them. Of others all are drawn.
    """
    limits = _limits(initializer, shape)
    if limits is None and _draw(initializer, (), np.random.default_rng(0)) is None:
        return None

    def rows(first: int, last: int) -> np.ndarray:
        rng = np.random.default_rng(key)
        if limits is not None and shape:
            rng.bit_generator.advance(first * math.prod(shape[1:]))  # type: ignore[attr-defined]
            return rng.uniform(*limits, (last - first, *shape[1:])).astype(np.float32)
        values = _draw(initializer, shape, rng)
        assert values is not None
        values = np.asarray(values, np.float32)
        return values[first:last] if shape else values

    return rows


def _limits(initializer: object, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """Between which numbers it is uniform, if it is."""
    if isinstance(initializer, initializers.RandomUniform):
        return initializer.minval, initializer.maxval
    if isinstance(initializer, initializers.VarianceScaling):
        limit = math.sqrt(3 * _variance(initializer, shape))
        return (-limit, limit) if initializer.distribution == "uniform" else None
    return None


def _draw(
    initializer: object, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray | None:
    """Values of an initializer's distribution, or None where it is not random."""
    uniform = _limits(initializer, shape)
    if uniform is not None:
        return rng.uniform(*uniform, shape)
    if isinstance(initializer, initializers.VarianceScaling):
        return _variance_scaling(initializer, shape, rng)
    if isinstance(initializer, initializers.TruncatedNormal):
        return initializer.mean + initializer.stddev * _truncated_normal(shape, rng)
    if isinstance(initializer, initializers.RandomNormal):
        return rng.normal(initializer.mean, initializer.stddev, shape)
    return None


def _variance_scaling(
    initializer: initializers.VarianceScaling, shape: tuple[int, ...], rng: np.random.Generator
) -> np.ndarray:
    """Glorot's, He's and LeCun's initializers but for the uniform ones."""
    variance = _variance(initializer, shape)
    if initializer.distribution == "truncated_normal":
        # Cutting a normal at two deviations leaves 0.8796 of its deviation.
        return math.sqrt(variance) / 0.87962566103423978 * _truncated_normal(shape, rng)
    return rng.normal(0.0, math.sqrt(variance), shape)


def _variance(initializer: initializers.VarianceScaling, shape: tuple[int, ...]) -> float:
    """scale / fan."""
    fan_in, fan_out = _fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(initializer.mode, (fan_in + fan_out) / 2)
    return float(initializer.scale / max(1.0, fan))


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Inputs and outputs of one unit: for a kernel `(*window, in, out)`."""
    if len(shape) < 2:
        return float(shape[0]) if shape else 1.0, float(shape[0]) if shape else 1.0
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


def _truncated_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Standard normal values, drawn again where they lie beyond two deviations."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(int(outside.sum()))
    return values
