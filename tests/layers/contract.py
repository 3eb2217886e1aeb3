"""What a layer owes Keras, checked the same way for every layer."""

import json
from collections.abc import Callable
from functools import partial

import keras
import numpy as np

MakeLayer = Callable[..., keras.layers.Layer]


def check_config(make: MakeLayer) -> None:
    """The configuration is JSON and gives an equal layer."""
    layer = make(name="named", dtype="mixed_bfloat16")
    config = json.loads(json.dumps(layer.get_config()))

    assert type(layer).from_config(config).get_config() == layer.get_config()
    assert layer.dtype_policy.name == "mixed_bfloat16"


def check_symbolic_spec(make: MakeLayer, inputs: list[np.ndarray], policy: str) -> None:
    """Symbolic shape and dtype are those of real outputs, with float32 under any policy."""
    layer = make(dtype=policy)
    symbolic = layer(*[keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs])
    output = layer(*inputs)

    assert symbolic.shape == (None, *output.shape[1:])
    assert keras.backend.standardize_dtype(symbolic.dtype) == "float32"
    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    assert np.isfinite(keras.ops.convert_to_numpy(output)).all()


def check_empty_batch(make: MakeLayer, inputs: list[np.ndarray]) -> None:
    """An empty batch gives an empty batch."""
    layer = make()
    full = layer(*inputs)

    assert tuple(layer(*[x[:0] for x in inputs]).shape) == (0, *full.shape[1:])


def check_saving(make: MakeLayer, inputs: list[np.ndarray], folder) -> None:
    """A saved model loads with no custom objects and gives the same."""
    model = model_of(make(), inputs)
    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras")

    for found, expected in zip(_predict(loaded, inputs), _predict(model, inputs), strict=True):
        np.testing.assert_array_equal(found, expected)


def check_compiled_training(
    make: MakeLayer, inputs: list[np.ndarray], policy: str, monkeypatch
) -> None:
    """It trains inside `jit_compile=True`, with finite losses and weights."""
    if keras.backend.backend() == "torch":
        # Dynamo traces the layer as ever; generating C++ for it takes minutes.
        import torch

        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    model = model_of(make(dtype=policy), inputs, trainable_front=True)
    model.compile("sgd", "mse", jit_compile=True)
    targets = np.zeros((len(inputs[0]), *model.output_shape[1:]), np.float32)
    losses = [float(model.train_on_batch(_one_or_list(inputs), targets)) for _ in range(2)]

    assert np.isfinite(losses).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def model_of(
    layer: keras.layers.Layer, inputs: list[np.ndarray], trainable_front: bool = False
) -> keras.Model:
    """A model of the layer alone, or of a trainable scaling of its inputs before it."""
    symbols = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in inputs]
    is_float = [np.issubdtype(x.dtype, np.floating) for x in inputs]
    front = [
        keras.layers.Dense(symbol.shape[-1])(symbol) if trainable_front and floats else symbol
        for symbol, floats in zip(symbols, is_float, strict=True)
    ]
    return keras.Model(_one_or_list(symbols), layer(*front))


def _one_or_list(values: list):
    return values if len(values) > 1 else values[0]


def _predict(model: keras.Model, inputs: list[np.ndarray]) -> list[np.ndarray]:
    outputs = model.predict_on_batch(_one_or_list(inputs))
    return outputs if isinstance(outputs, list) else [outputs]
