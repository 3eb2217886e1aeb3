"""The training model around an embedding model, and its loss."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from framl_keras import margins
from framl_keras.keras_internals import build_for_fit
from framl_keras.layers import ArcMarginLayer, RowSGD, wrong_label
from framl_keras.losses import as_given
from framl_keras.losses.softmax import SoftmaxLosses

__all__ = ["compile_for_training", "prediction_loss", "targets", "training_model", "wrong_label"]

Tensor = Any


def training_model(
    embedder: keras.Model,
    num_classes: int,
    head: str = "arcface",
    class_sizes: Sequence[int] | None = None,
    seed: int = 0,
    **options: Any,
) -> keras.Model:
    """Builds the model that is trained: `(pixels, label)` -> what the loss is made of.

    There are two outputs, see `compile_for_training`: the rows' `losses`, and as `plain` which
    rows are right without margin, among the sampled classes if a margin head samples.

    Args:
        embedder: a model from `embedding_model`.
        num_classes: number of identities.
        head: `arcface`, or `softmax` for a plain Dense, FRAML's `NormHead`.
        class_sizes: how many images each identity has, for margins that ask for it.
        seed: of margins that are drawn, and of the classes that are sampled.
        **options: arguments of `ArcMarginLayer`, for a plain Dense `label_smoothing` and
            `class_weights` only; `margin` may also be a mapping of a
            margin's name and its arguments, and `row_optimizer` one of `RowSGD`'s.

    Raises:
        UserError: if the margin is unknown.
        ValueError: if the head is unknown, or an option is out of range.
    """
    label = keras.Input((), dtype="int32", name="label")
    embedding = embedder.output
    if head == "arcface":
        given = {"seed": seed, "class_sizes": class_sizes}
        outputs = _margin_outputs(embedding, label, num_classes, given, options)
    elif head == "softmax":
        dtype = keras.config.floatx()  # also of a network in half precision
        plain = keras.layers.Dense(num_classes, dtype=dtype, name="head")(embedding)
        losses, is_right = SoftmaxLosses(**options, dtype=dtype, name="losses")(plain, label)
        outputs = {"losses": losses, "plain": is_right}
    else:
        raise ValueError(f"Unknown head. Expected one of arcface, softmax. Received: head={head!r}")
    return keras.Model([embedder.input, label], outputs, name="training_model")


def _margin_outputs(
    embedding: Tensor,
    label: Tensor,
    num_classes: int,
    given: Mapping[str, Any],
    options: dict[str, Any],
) -> dict[str, Tensor]:
    if isinstance(margin := options.get("margin"), Mapping):
        options = {**options, "margin": margins.by_name(**margin, **_asked_for(margin, given))}
    if isinstance(rows := options.get("row_optimizer"), Mapping):
        options = {**options, "row_optimizer": RowSGD(**rows)}
    layer = ArcMarginLayer(num_classes, name="head", **{"seed": given["seed"], **options})
    losses, is_right = layer(embedding, label, losses=True)
    return {"losses": losses, "plain": is_right}


def _asked_for(margin: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a margin's constructor takes of what training knows."""
    asked = margins.arguments(margin["name"])
    return {name: value for name, value in given.items() if name in asked and name not in margin}


def compile_for_training(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, jit: bool | str = "auto"
) -> None:
    """Compiles a training model for `fit` on `((pixels, label), targets(model, label))`."""
    accuracy = keras.metrics.MeanMetricWrapper(as_given, name="accuracy")
    model.compile(
        optimizer, loss={"losses": as_given}, metrics={"plain": accuracy}, jit_compile=jit
    )
    # Builds optimizer and metrics, so that their states can be read and put back before `fit`.
    label = np.zeros(1, "int32")
    pixels = np.zeros((1, *model.inputs[0].shape[1:]), "float32")
    build_for_fit(model, ([pixels, label], targets(model, label)))


def targets(model: keras.Model, label: Any) -> dict[str, Any]:
    """What `fit` compares the training model's outputs with."""
    return dict.fromkeys(model.output, label)


def prediction_loss(outputs: Mapping[str, Tensor]) -> Tensor:
    """The loss of a batch as `fit` has it, without penalties, a scalar.

    Args:
        outputs: what the training model gave.
    """
    return ops.mean(outputs["losses"])
