"""Private names of Keras stand in one file, where a new release of it is answered."""

import ast
from pathlib import Path

import keras
import numpy as np
import pytest

import framl_keras
from framl_keras import keras_internals

ROOT = Path(framl_keras.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.name != "keras_internals.py"]
NAMED_TUPLES = {"_asdict", "_replace", "_fields", "_make"}  # their public names begin so
LEAVING = ("untrusted/child.py", "untrusted/reader_process.py", "processes/jax.py")
NOT_KERAS = {(name, "os._exit") for name in LEAVING}
CHECKED_BY_NAME = {"untrusted/keras_file.py"}  # it holds the modules that files name to a list


def private_attributes(source):
    """Attributes that begin with one underscore and that the file itself does not define."""
    nodes = list(ast.walk(ast.parse(source)))
    own = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    own |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own |= {
        n.attr
        for n in nodes
        if isinstance(n, ast.Attribute)
        and isinstance(n.ctx, ast.Store)
        and ast.unparse(n.value) in ("self", "embedder")
    }
    used = {(n.attr, ast.unparse(n)) for n in nodes if isinstance(n, ast.Attribute)}
    return {
        whole
        for name, whole in used
        if name.startswith("_") and not name.startswith("__") and name not in own | NAMED_TUPLES
    }


def modules_within_keras(source):
    """Imports of `keras.src`, and texts that name a module there."""
    nodes = list(ast.walk(ast.parse(source)))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    imported = {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    imported |= {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    return {name for name in texts | imported if name.startswith("keras.src")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_file_names_what_is_private(path):
    name, source = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")

    found = {(name, whole) for whole in private_attributes(source)} - NOT_KERAS
    modules = set() if name in CHECKED_BY_NAME else modules_within_keras(source)

    assert not found
    assert not modules


@pytest.mark.parametrize(
    "source",
    [
        "model._flatten_layers()",
        "x = layer._inbound_nodes[0]",
        "optimizer._learning_rate = 3",
        "from keras.src import backend",
        "import keras.src.utils",
        "import_module('keras.src.utils')",
    ],
)
def test_the_check_finds_it(source):
    assert private_attributes(source) | modules_within_keras(source)


def test_what_is_used_of_keras_is_there():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="dense")], name="in")
    inputs = keras.Input((3,))
    first, second = inner(inputs), inner(inputs)
    model = keras.Model(inputs, keras.layers.Add(name="add")([first, second]))
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1.0, 9)), "mse")

    names = [layer.name for layer in keras_internals.layers_within(model)]
    assert {"in", "dense", "add"} <= set(names)
    assert model.name not in names
    assert model in keras_internals.layers_within(model, itself=True)
    dense = inner.get_layer("dense")
    assert [v.name for v in keras_internals.own_variables(dense)] == ["kernel", "bias"]
    assert keras_internals.own_variables(inner) == []
    add = keras_internals.maker_of(model.output)
    assert add.name == "add"
    assert [maker.name for maker in keras_internals.operations_before(add)] == ["in", "in"]
    ordered = [node.operation.name for node in keras_internals.nodes_in_order(model)]
    assert ordered == ["in", "in", "add"]
    assert keras_internals.takes_training(keras.layers.Dropout(0.5))
    assert not keras_internals.takes_training(keras.layers.Flatten())
    rate = keras_internals.rate_or_schedule(model.optimizer)
    assert isinstance(rate, keras.optimizers.schedules.CosineDecay)
    assert hasattr(keras_internals.equalization_module(), "backend")


def test_an_error_is_one_line_where_keras_would_describe_the_call():
    class Refusing(keras.layers.Layer):
        def call(self, inputs):
            raise keras_internals.as_it_is(ValueError("not these"))

    with pytest.raises(ValueError, match=r"\Anot these\Z"):
        Refusing()(keras.ops.ones((1, 2)))


def test_metrics_and_loss_as_fit_has_them():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])

    keras_internals.build_for_fit(model, (keras.ops.ones((1, 3)), keras.ops.ones((1, 2))))
    keras_internals.count_loss(model, 2.0, 3)
    keras_internals.count_loss(model, 6.0, 1)

    assert model.optimizer.built
    (loss,) = [metric for metric in model.metrics if metric.name == "loss"]
    assert float(loss.result()) == 3.0


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="Torch's processes")
def test_a_model_is_not_wrapped_where_processes_met(monkeypatch):
    """Keras 3.16 wraps a model when it makes what `fit` calls; earlier ones have no such thing."""
    monkeypatch.setattr("torch.distributed.is_initialized", lambda: True)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    keras_internals.skip_wrapping(model)
    model.compile("sgd", "mse")

    model.make_train_function()
    model.make_predict_function()

    assert getattr(model, "ddp_model", None) is None


SHAPES = {1: (2, 6, 3), 2: (2, 6, 8, 3), 3: (1, 4, 6, 8, 3)}


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="Torch's layouts")
@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kind", ["conv", "depthwise_conv", "max_pool", "average_pool"])
def test_layouts_change_no_value(rng, monkeypatch, rank, padding, kind):
    x = keras.ops.convert_to_tensor(rng.normal(size=SHAPES[rank]).astype("float32"))
    given = {"inputs": x, "padding": padding, "strides": 2}
    if kind == "depthwise_conv" and rank == 3:
        pytest.skip("Keras has none")
    if kind.endswith("conv"):
        outputs = 4 if kind == "conv" else 2
        given["kernel"] = rng.normal(size=(3,) * rank + (3, outputs)).astype("float32")
    else:
        given["pool_size"] = 3
    form, module = getattr(keras.ops, kind), pytest.importorskip(keras_internals._TORCH_NN)
    order = (0, rank + 1, *range(1, rank + 1))

    def copied(inputs):  # as Keras has it, whatever ran before in this process
        return inputs.permute(*order).contiguous()

    monkeypatch.setattr(module, "_transpose_spatial_inputs", copied)
    before = keras.ops.convert_to_numpy(form(**given))

    keras_internals.keep_channels_last()

    np.testing.assert_allclose(keras.ops.convert_to_numpy(form(**given)), before, atol=1e-6)
    if rank > 1:
        assert module._transpose_spatial_inputs(x).data_ptr() == x.data_ptr()


class Doubled(keras.layers.Layer):
    """A layer of the user's own."""

    def call(self, x):
        return 2 * x


def network(*stages, shape=(6, 5, 4), dtype="float32"):
    keras.utils.set_random_seed(0)
    x = given = keras.Input(shape, dtype=dtype)
    for stage in stages:
        x = stage(x)
    return keras.Model(given, x)


def with_masks():
    embedding = keras.layers.Embedding(9, 3, mask_zero=True)
    return network(embedding, keras.layers.GlobalAveragePooling1D(), shape=(7,), dtype="int32")


def branched():
    pixels = keras.Input((6, 5, 4))
    left, right = (keras.layers.Conv2D(3, 2, activation=name)(pixels) for name in ("relu", None))
    both = keras.layers.Concatenate()([keras.layers.Add()([left, right]), left])
    return keras.Model(pixels, keras.layers.BatchNormalization()(both))


def quantized():
    model = network(keras.layers.Flatten(), keras.layers.Dense(8), keras.layers.ReLU())
    model(np.zeros((1, 6, 5, 4), "float32"))  # so far it is of float32
    model.quantize("int8")
    return model


def hooked():
    model = network(keras.layers.Conv2D(3, 2), keras.layers.ReLU())
    model.layers[1].register_forward_hook(lambda module, given, result: result + 1)
    return model


layers = keras.layers
DIRECT = {  # how many calls Keras still prepares
    "branches": (branched, 0),
    "dropout": (lambda: network(layers.Dropout(0.5, seed=3), layers.Conv2D(2, 3)), 0),
    "a model within": (lambda: network(branched()), 1),
    "the user's own": (lambda: network(layers.ReLU(), Doubled()), 1),
    "half precision": (
        lambda: network(
            layers.Conv2D(2, 2, dtype="mixed_bfloat16"), layers.ReLU(dtype="mixed_bfloat16")
        ),
        1,  # the first is given float32
    ),
    "half and whole precision": (
        lambda: network(
            layers.ReLU(dtype="bfloat16"), layers.Dense(2, dtype="mixed_bfloat16"), layers.ReLU()
        ),
        2,
    ),
    "another type": (lambda: network(layers.Rescaling(0.5, dtype="float64"), layers.ReLU()), 2),
    "a penalty": (lambda: network(layers.Dense(3, activity_regularizer="l2"), layers.ReLU()), 1),
    "layers within": (
        lambda: network(layers.Reshape((30, 4)), layers.Bidirectional(layers.GRU(2))),
        1,
    ),
    "masks": (with_masks, 3),
    "int8": (quantized, 1),
    "a hook of Torch's": (hooked, 1),
}


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="others call layers once")
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("case", DIRECT)
def test_layers_are_called_directly_where_that_is_all(case, training, rng, monkeypatch):
    functional, prepared = pytest.importorskip(keras_internals._FUNCTIONAL), []
    by_keras = getattr(functional.operation_fn, "of_keras", functional.operation_fn)

    def counting(operation, *given, **context):
        call = by_keras(operation, *given, **context)
        return lambda *inputs, **others: prepared.append(operation) or call(*inputs, **others)

    model = DIRECT[case][0]()
    shape, dtype = (3, *model.input_shape[1:]), model.inputs[0].dtype
    x = keras.ops.convert_to_tensor(rng.integers(0, 4, shape).astype(dtype))
    states = [variable.numpy() for variable in model.variables]
    found = []
    for function in (by_keras, counting):
        monkeypatch.setattr(functional, "operation_fn", function)
        if function is counting:
            keras_internals.call_layers_directly()
        for variable, state in zip(model.variables, states, strict=True):
            variable.assign(state)
        outputs = keras.ops.convert_to_numpy(model(x, training=training))
        losses = [float(loss.detach()) for loss in model.losses]
        found.append((outputs, losses, [variable.numpy() for variable in model.variables]))

    for left, right in zip(*found, strict=True):
        for a, b in zip(left, right, strict=True):
            np.testing.assert_array_equal(a, b)

    assert len(prepared) == DIRECT[case][1]
