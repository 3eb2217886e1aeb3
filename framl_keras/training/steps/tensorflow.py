"""TensorFlow: gradients by the tape, graphs that keep their order, data, and batch norms."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from framl_keras.models import prediction_loss
from framl_keras.training.steps import step
from framl_keras.training.steps.batch_norm import Normalized, biased
from framl_keras.training.steps.step import Gradients, Tensor

AHEAD = 2  # batches that are handed over while a step runs; they are made further ahead
# They reorder sums and products, which then round otherwise than single operations do.
_REORDERING = ("arithmetic_optimization", "constant_folding")


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch, which replicas share; updates batch statistics."""
    if _replicas() == 1:
        return _gradients(model, pixels, labels)
    return _in_graph(_gradients_of_all, model, pixels, labels)


def update(model: keras.Model, result: Gradients) -> None:
    """Lets the optimizer take a step, in each replica alike."""
    if _replicas() == 1:
        step.update(model, result)
    else:
        _in_graph(_update_all, model, result)


def count(model: keras.Model, pixels: Tensor, labels: Tensor, result: Gradients) -> dict[str, Any]:
    """Adds a step to the metrics, each replica its rows, and gives their values."""
    if _replicas() == 1:
        return step.count(model, pixels, labels, result)
    _in_graph(_count_all, model, pixels, labels, result)
    values: dict[str, Any] = model.get_metrics_result()
    return values


def _gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of a replica's rows, which add up to those of the batch."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = model([pixels, labels], training=True)
        prediction = prediction_loss(outputs)
        regularization = keras.ops.sum(keras.ops.stack([*model.losses, 0.0]))
        total = scale * (prediction + regularization) / _replicas()
    weight_gradients = tape.gradient(total, variables)
    return Gradients(prediction, regularization, weight_gradients, outputs, scale)


def _gradients_of_all(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    strategy = tf.distribute.get_strategy()
    shares = strategy.run(functools.partial(_gradients, model), _shares((pixels, labels)))
    total, mean = (
        functools.partial(strategy.reduce, how, axis=None)
        for how in (tf.distribute.ReduceOp.SUM, tf.distribute.ReduceOp.MEAN)
    )
    return Gradients(
        mean(shares.prediction_loss),
        mean(shares.regularization_loss),
        [total(gradient) for gradient in shares.gradients],
        {name: strategy.gather(rows, axis=0) for name, rows in shares.outputs.items()},
        mean(shares.loss_scale),
    )


def _update_all(model: keras.Model, result: Gradients) -> None:
    """Optimizers of replicas sum what these give them: one gives the sum, the others nothing."""

    def part(replica: Any) -> list[Tensor]:
        is_first = replica.replica_id_in_sync_group == 0
        return result.gradients if is_first else list(map(tf.zeros_like, result.gradients))

    strategy = tf.distribute.get_strategy()
    parts = strategy.experimental_distribute_values_from_function(part)
    strategy.run(lambda given: step.update(model, result._replace(gradients=given)), (parts,))


def _count_all(model: keras.Model, pixels: Tensor, labels: Tensor, result: Gradients) -> None:
    def count_share(pixels: Tensor, labels: Tensor, outputs: Any) -> None:
        step.count(model, pixels, labels, result._replace(outputs=outputs))

    tf.distribute.get_strategy().run(count_share, _shares((pixels, labels, result.outputs)))


def _replicas() -> int:
    count: int = tf.distribute.get_strategy().num_replicas_in_sync
    return count


def _shares(rows: Any) -> Any:
    """Nested tensors of a batch's rows, of which each replica has as many."""

    def share(replica: Any) -> Any:
        place, replicas = replica.replica_id_in_sync_group, replica.num_replicas_in_sync
        return tf.nest.map_structure(lambda whole: tf.split(whole, replicas)[place], rows)

    return tf.distribute.get_strategy().experimental_distribute_values_from_function(share)


def _in_graph(part: Callable[..., Any], model: keras.Model, *arguments: Any) -> Any:
    """A part of a step for all replicas: operation by operation, their messages take far longer."""
    with exact_arithmetic():
        return _graph_of(part, model)(*arguments)


@functools.lru_cache(maxsize=3)
def _graph_of(part: Callable[..., Any], model: keras.Model) -> Callable[..., Any]:
    graph: Callable[..., Any] = tf.function(functools.partial(part, model), autograph=False)
    return graph


@contextlib.contextmanager
def exact_arithmetic() -> Iterator[None]:
    """Keeps graphs that are compiled within to the order of their arithmetic.

    A compiled step then gives the bits that its operations give one by one, unless oneDNN
    splits a sum over its threads in another way.
    """
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options(dict.fromkeys(_REORDERING, False))
    try:
        yield
    finally:
        restored = {name: before.get(name, True) for name in _REORDERING}
        tf.config.optimizer.set_experimental_options(restored)


def fit_data(batches: Iterator[Any]) -> tf.data.Dataset:
    """What `fit` takes the batches from.

    Left to itself, Keras makes a tf.data pipeline that tunes itself. There is nothing to
    tune here, and a pipeline cannot be put away while its tuner sleeps: half a second at
    first, then twice as long each time, up to a minute. That was idle time after each epoch.

    Args:
        batches: at least one; nested tuples and dicts of arrays, all of one structure.
    """
    first = next(batches)
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), first
    )
    dataset = tf.data.Dataset.from_generator(
        lambda: itertools.chain([first], batches), output_signature=signature
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(AHEAD).with_options(options)


def normalize(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Normalized:
    """Normalizes float32 `(batch, height, width, channels)` by its batch statistics.

    The raw operation is called since `tf.nn`'s wrapper raises small epsilons.
    """
    nothing = tf.zeros(0)  # no moving statistics go in
    outputs = tf.raw_ops.FusedBatchNormV3(
        x=x, scale=scale, offset=offset, mean=nothing, variance=nothing, epsilon=epsilon
    )
    # For a single value the kernel doesn't correct; its variance is zero anyway.
    count = tf.cast(tf.size(x) // tf.shape(x)[-1], tf.float32)
    return Normalized(outputs.y, outputs.batch_mean, biased(outputs.batch_variance, count))
