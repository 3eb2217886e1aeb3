"""Which tensor of a step is the first that is not finite."""

from collections.abc import Iterable, Iterator
from typing import Any

import keras
from keras import ops, tree

from framl_keras.keras_internals import nodes_in_order
from framl_keras.training.not_finite_error import NotFiniteError
from framl_keras.training.steps.step import Gradients, Tensor

Named = tuple[str, Tensor]


def check_step(model: keras.Model, inputs: list[Tensor], result: Gradients) -> None:
    """Checks a step's losses and gradients before the optimizer takes them.

    Raises:
        NotFiniteError: if one is NaN or infinite. It names the first in the order in which
            they are computed: inputs, weights, each layer's output, losses, gradients.
    """
    results = [result.prediction_loss, result.regularization_loss]
    if not isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
        results += result.gradients  # that one leaves out a step whose gradients overflow
    sound = [ops.all(ops.isfinite(tensor)) for tensor in results]
    if bool(ops.all(ops.stack(sound))):  # one wait for the device, not one for each tensor
        return
    for name, tensor in _in_order(model, inputs, result):
        if not bool(ops.all(ops.isfinite(tensor))):
            raise NotFiniteError(name)


def _in_order(model: keras.Model, inputs: list[Tensor], result: Gradients) -> Iterator[Named]:
    for tensor, place in zip(inputs, model.inputs, strict=True):
        yield f"the input {place.name}", ops.cast(tensor, "float32")
    paths = [variable.path for variable in model.trainable_variables]
    for path, variable in zip(paths, model.trainable_variables, strict=True):
        yield f"the weight {path}", ops.convert_to_tensor(variable)
    yield from _outputs(model, inputs)
    yield "the prediction loss", result.prediction_loss
    yield "the regularization loss", result.regularization_loss
    # Backpropagation comes from the end, so the last layer's gradient is the first computed.
    for path, gradient in reversed(list(zip(paths, result.gradients, strict=True))):
        yield f"the gradient of {path}", gradient


def _outputs(model: keras.Model, inputs: Any) -> Iterator[Named]:
    """Every layer's output, in the order of computation, down into models within the model."""
    nodes = nodes_in_order(model)
    places = [(list(node.input_tensors), list(node.output_tensors)) for node in nodes]
    values = keras.Model(model.inputs, places)(inputs, training=True)
    for node, (given, outputs) in zip(nodes, values, strict=True):
        step = node.operation
        if isinstance(step, keras.Model):
            yield from _outputs(step, given)
        for tensor in _floats(outputs):
            yield f"the output of {getattr(step, 'path', step.name)}", tensor


def _floats(tensors: Any) -> Iterable[Tensor]:
    return [t for t in tree.flatten(tensors) if "float" in keras.backend.standardize_dtype(t.dtype)]
