"""Gradients by Torch's autograd."""

import keras
import torch

from framl_keras.models import prediction_loss
from framl_keras.training.steps.step import Gradients, Tensor

no_gradient = torch.no_grad


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = [variable.value for variable in model.trainable_variables]
    outputs = model([pixels, labels], training=True)
    prediction = prediction_loss(outputs)
    regularization = keras.ops.sum(keras.ops.stack([*model.losses, keras.ops.zeros(())]))
    found = torch.autograd.grad(scale * (prediction + regularization), variables)
    detached = {name: output.detach() for name, output in outputs.items()}
    return Gradients(prediction.detach(), regularization.detach(), list(found), detached, scale)
