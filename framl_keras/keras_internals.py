"""What we use of Keras that its public interface lacks, each with the reason.

A new release of Keras may rename any of it. Then this file is the place to mend, and no other
one of ours: `tests/test_keras_internals.py` looks for private names elsewhere.
"""

import contextlib
import functools
import importlib
import sys
import types
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import keras
from keras import ops

Operation = Any
Node = Any
_Error = TypeVar("_Error", bound=Exception)

_DTYPES = "keras.src.backend.common.dtypes"
_TENSORFLOW_NN = "keras.src.backend.tensorflow.nn"
_BASE_OPTIMIZER = "keras.src.optimizers.base_optimizer"
_TORCH_NN = "keras.src.backend.torch.nn"
_FUNCTIONAL = "keras.src.models.functional"
_LAYERS = "keras.src.layers."
_VARIABLES = "keras.src.backend.common.variables"
_TRAINING = {"training"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_direct: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = weakref.WeakKeyDictionary()
_EQUALIZATION = "keras.src.layers.preprocessing.image_preprocessing.equalization"


def layers_within(model: keras.Model, itself: bool = False) -> list[keras.layers.Layer]:
    """All layers of a model, those of models and layers within it included.

    `model.layers` stops at the first level, so it misses the network within a training model.
    """
    return list(model._flatten_layers(include_self=itself))


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The variables that a layer itself has made, without those of layers within it.

    `layer.weights` has both, and a layer's initializers say nothing about the inner ones'.
    """
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def weights_were_put(model: keras.layers.Layer) -> None:
    """Lets layers work out what they keep besides their weights, after variables were assigned.

    Normalization calculates with tensors that it makes of its weights when they are loaded.
    TensorFlow and JAX would go on with those of the old weights, and nothing would say so.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Normalization) and layer.built:
            layer.finalize_state()


def maker_of(tensor: keras.KerasTensor) -> Operation:
    """The operation that a symbolic tensor is the output of; nothing public leads back to it."""
    return tensor._keras_history.operation


def operations_before(operation: Operation) -> list[Operation]:
    """The operations whose outputs one takes, of the first time that it is called.

    `operation.input` gives the tensors, but raises for those that are called several times.
    """
    return [node.operation for node in operation._inbound_nodes[0].parent_nodes]


def nodes_in_order(model: keras.Model) -> list[Node]:
    """The calls of which a functional model is made, in the order in which it runs them.

    A layer that is used twice is one layer, but two calls with an output each.
    """
    by_depth = sorted(model._nodes_by_depth.items(), reverse=True)
    return [node for _, nodes in by_depth for node in nodes if not node.is_input]


def is_functional(model: Any) -> bool:
    """Whether a model is a graph of layers that `nodes_in_order` can walk."""
    return isinstance(model, importlib.import_module(_FUNCTIONAL).Functional)


def takes_training(layer: keras.layers.Layer) -> bool:
    """Whether a layer's `call` has an argument `training`; others refuse it."""
    return bool(layer._call_has_training_arg)


def build_for_fit(model: keras.Model, batch: Any) -> None:
    """Makes a compiled model's metrics and its optimizer's variables, as `fit` does at first.

    A checkpoint's values are put into them before `fit` begins.
    """
    model._symbolic_build(data_batch=batch)


def count_loss(model: keras.Model, loss: Any, images: Any) -> None:
    """Adds a step's loss to the mean that `fit` shows as `loss`.

    A training loop of one's own has no public way to it, and would show none.
    """
    model._loss_tracker.update_state(loss, sample_weight=images)


def rate_or_schedule(optimizer: keras.optimizers.Optimizer) -> Any:
    """The learning rate or the schedule that an optimizer was made with.

    `optimizer.learning_rate` is the rate of the present step only.
    """
    return getattr(optimizer, "inner_optimizer", optimizer)._learning_rate


def skip_build(model: keras.Model) -> None:
    """Keeps `fit` under a strategy of TensorFlow from reading a batch to build a built model.

    It takes the batch from the data and drops it.
    """
    model._maybe_symbolic_build = lambda *_, **__: None


def spare_torch_detours() -> None:
    """Keeps Keras on Torch from copying images and from preparing calls where it needs not."""
    keep_channels_last()
    call_layers_directly()


def keep_channels_last() -> None:
    """Keeps Keras before 3.16 on Torch from copying each input of a convolution to and fro.

    It writes `(batch, height, width, channels)` as channels first and back. Torch takes the
    array as it is, as a view with the channels last in memory, which Keras 3.16 hands over.
    Values stay the same; it holds for the process.
    """
    module: Any = sys.modules.get(_TORCH_NN)  # not there on other backends, nor from 3.16 on
    if hasattr(module, "_transpose_spatial_inputs"):
        module._transpose_spatial_inputs = _channels_first_view


def _channels_first_view(inputs: Any) -> Any:
    """`(batch, ..., channels)` as `(batch, channels, ...)`; nothing moves in memory."""
    rank = inputs.ndim
    view = inputs.permute(0, rank - 1, *range(1, rank - 1))
    if rank == 3:  # Torch knows no memory format of it
        return view.contiguous()
    torch = importlib.import_module("torch")
    layout = torch.channels_last if rank == 4 else torch.channels_last_3d
    return view.contiguous(memory_format=layout)


def call_layers_directly() -> None:
    """Lets functional models on Torch call Keras' own layers without preparing each call.

    Before a layer's `call`, Keras looks for arrays to convert, masks, scopes, specifications
    and symbolic tensors, anew for each batch: about a third of the time of a single image. Where
    all of that comes to nothing it is left out: for built layers without layers within, given
    tensors of the type that they calculate in, without masks. Compiled backends do it once.
    It holds for the process.
    """
    module: Any = importlib.import_module(_FUNCTIONAL)
    if _TORCH_NN in sys.modules and not hasattr(module.operation_fn, "of_keras"):
        prepared = module.operation_fn
        module.operation_fn = functools.partial(_direct_or_prepared, prepared)
        module.operation_fn.of_keras = prepared


def _direct_or_prepared(
    prepared: Callable[..., Callable[..., Any]], operation: Operation, *given: Any, **context: Any
) -> Callable[..., Any]:
    """What a functional model calls for an operation; `context` has `training`."""
    by_keras = prepared(operation, *given, **context)
    training = given[0] if given else context.get("training")
    dtype = _dtype_of_direct_calls(operation)
    scope = _variables().get_autocast_scope()
    if dtype is None or (scope is not None and scope.dtype != operation.compute_dtype):
        return by_keras
    if context.keys() - _TRAINING or any(getattr(operation, hooks) for hooks in _HOOKS):
        return by_keras
    options = {} if training is None or not takes_training(operation) else {"training": training}

    def call(*inputs: Any, **others: Any) -> Any:
        first = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], list) else inputs
        for tensor in first:
            if getattr(tensor, "dtype", None) is not dtype or hasattr(tensor, "_keras_mask"):
                return by_keras(*inputs, **others)
        named = {name: value for name, value in others.items() if value is not None}
        if named.keys() - _TRAINING:
            return by_keras(*inputs, **others)
        if scope is not None or operation.compute_dtype == operation.variable_dtype:
            return operation.call(*inputs, **{**named, **options})
        with _variables().AutocastScope(operation.compute_dtype):
            return operation.call(*inputs, **{**named, **options})

    return call


def _dtype_of_direct_calls(operation: Operation) -> Any:
    """Torch's type of the tensors with which a layer may be called directly; None for never."""
    policy = getattr(operation, "dtype_policy", None)  # another one once it is quantized
    known = _direct.get(operation)
    if known is None or known[0] is not policy:
        is_built = getattr(operation, "built", False)
        dtype = _dtype_if_simple(operation) if is_built else None
        known = (policy, dtype)
        if is_built:
            _direct[operation] = known
    return known[1]


def _dtype_if_simple(layer: Any) -> Any:
    """Torch's type that a layer calculates in, if calling it is but calling its `call`.

    Others have layers within, are called in ways of their own, or make masks of what they get.
    """
    kind: Any = type(layer)
    simple = (
        isinstance(layer, keras.layers.Layer)
        and kind.__module__.startswith((_LAYERS, "framl_keras."))
        and kind.__call__ is keras.layers.Layer.__call__
        and (kind.compute_mask is keras.layers.Layer.compute_mask or ".merging." in kind.__module__)
        and not layer._layers
        and layer.activity_regularizer is None
        and layer.autocast
        and keras.backend.is_float_dtype(layer.compute_dtype)
        and getattr(layer, "quantization_mode", None) is None
        and getattr(layer, "_remat_mode", None) is None
    )
    return getattr(importlib.import_module("torch"), layer.compute_dtype, None) if simple else None


@functools.cache
def _variables() -> Any:
    return importlib.import_module(_VARIABLES)


def skip_wrapping(model: keras.Model) -> None:
    """Keeps Keras from 3.16 on from putting a model into Torch's DistributedDataParallel.

    Wherever processes have met it would overwrite all parameters with those of the first, and
    average all gradients: a head's too, of whose classes each process has others.
    """
    model._initialize_ddp = lambda: None


def update_in_replicas(optimizer: keras.optimizers.Optimizer) -> None:
    """Lets each replica of TensorFlow update its own copies, by gradients that were summed before.

    Keras' optimizer would sum them after clipping, which is about the sum, and leave a
    replica's graph for each update, which it can't within the condition of accumulation.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    base: Any = importlib.import_module(_BASE_OPTIMIZER).BaseOptimizer
    accumulate = "_backend_increment_gradient_accumulators"
    for name in ("_backend_update_step", "_apply_weight_decay", accumulate):
        setattr(inner, name, types.MethodType(getattr(base, name), inner))


def clip_by_shared_norms(
    optimizer: keras.optimizers.Optimizer,
    is_shared: Callable[[keras.Variable], bool],
    total: Callable[[Any], Any],
) -> None:
    """Lets an optimizer clip by norms over all processes of gradients that these share.

    Args:
        optimizer: a built one; what it does without sharing stays.
        is_shared: whether a process has only some rows of a variable.
        total: the sum of a number over processes.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    apply, clip = inner._backend_apply_gradients, inner._clip_gradients
    updated: list[keras.Variable] = []

    def apply_gradients(gradients: list[Any], variables: Sequence[keras.Variable]) -> None:
        updated[:] = variables
        apply(gradients, variables)

    def clip_gradients(gradients: list[Any]) -> list[Any]:
        limit = inner.clipnorm or inner.global_clipnorm
        if not limit or not any(map(is_shared, updated)):
            return cast("list[Any]", clip(gradients))
        pairs = zip(gradients, updated, strict=True)
        squares = [
            total(ops.sum(ops.square(gradient))) if is_shared(variable)
            else ops.sum(ops.square(gradient))
            for gradient, variable in pairs
        ]  # fmt: skip
        if inner.global_clipnorm:
            squares = [sum(squares)] * len(squares)
        scales = [limit / ops.maximum(ops.sqrt(square), limit) for square in squares]
        return [gradient * scale for gradient, scale in zip(gradients, scales, strict=True)]

    inner._backend_apply_gradients, inner._clip_gradients = apply_gradients, clip_gradients


def as_it_is(error: _Error) -> _Error:
    """An error to whose text Keras does not add many lines on the call that raised it."""
    error._keras_call_info_injected = True  # type: ignore[attr-defined]
    return error


def keep_float64() -> None:
    """Lets Keras keep float64, for the rest of the process; it is made float32 otherwise."""
    importlib.import_module(_DTYPES).BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def equalization_module() -> types.ModuleType | None:
    """Where Keras' equalization is, whose histogram goes by KERAS_BACKEND; None if elsewhere."""
    try:
        return importlib.import_module(_EQUALIZATION)
    except ImportError:
        return None


@contextlib.contextmanager
def grouped_convolutions_in_the_graph() -> Iterator[None]:
    """Within the block, TensorFlow's graphs hold grouped convolutions as plain nodes.

    Keras compiles each by XLA for TensorFlow's processor, and exporters see a call that they
    do not know. Such graphs are for them, not to be run.
    """
    nn: Any = importlib.import_module(_TENSORFLOW_NN)
    tensorflow = nn.tf
    nn.tf = _NotCompiled(tensorflow)
    try:
        yield
    finally:
        nn.tf = tensorflow


class _NotCompiled:
    """TensorFlow, whose `function` leaves functions as they are."""

    def __init__(self, tensorflow: Any):
        self._tensorflow = tensorflow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tensorflow, name)

    def function(self, *given: Any, **_: Any) -> Any:
        return given[0] if given else lambda function: function
