"""Gradients by TensorFlow's tape."""

import keras
import tensorflow as tf

from framl_keras.models import prediction_loss
from framl_keras.training.steps.step import Gradients, Tensor


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        outputs = model([pixels, labels], training=True)
        prediction = prediction_loss(outputs)
        regularization = keras.ops.sum(keras.ops.stack([*model.losses, 0.0]))
        total = scale * (prediction + regularization)
    found = tape.gradient(total, variables)
    return Gradients(prediction, regularization, found, outputs, scale)
