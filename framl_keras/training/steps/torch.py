"""Torch: gradients by autograd, and batch norms by the fused kernel."""

import keras
import torch

from framl_keras.models import prediction_loss
from framl_keras.training.steps.batch_norm import Normalized, biased
from framl_keras.training.steps.step import Gradients, Tensor

no_gradient = torch.no_grad


def gradients(model: keras.Model, pixels: Tensor, labels: Tensor) -> Gradients:
    """Loss and gradients of one batch; updates batch statistics."""
    scale = model.optimizer.scale_loss(keras.ops.ones(()))
    variables = [variable.value for variable in model.trainable_variables]
    outputs = model([pixels, labels], training=True)
    prediction = prediction_loss(outputs)
    regularization = keras.ops.sum(keras.ops.stack([*model.losses, keras.ops.zeros(())]))
    weight_gradients = torch.autograd.grad(scale * (prediction + regularization), variables)
    detached = {name: output.detach() for name, output in outputs.items()}
    return Gradients(
        prediction.detach(), regularization.detach(), list(weight_gradients), detached, scale
    )


def move(average: keras.Variable, value: Tensor, momentum: float) -> None:
    """Moves a moving average towards a batch's value, in one operation instead of five."""
    old = average.value.detach()
    average.assign(torch.lerp(old, value.detach().to(old.dtype), 1.0 - momentum))


def normalize(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Normalized:
    """Normalizes float32 `(batch, height, width, channels)` by its batch statistics."""
    channels = x.shape[-1]
    mean, variance = torch.zeros((2, channels), device=x.device)
    outputs = torch.batch_norm(
        x.permute(0, 3, 1, 2),  # a view, which the kernel takes as `channels_last`
        scale,
        offset,
        mean,
        variance,
        training=True,
        momentum=1.0,  # moving statistics that are all this batch's
        eps=epsilon,
        cudnn_enabled=True,
    )
    count = x.numel() // channels
    # Of a single value there is no unbiased estimate, but a variance: zero.
    kept = biased(variance, count) if count > 1 else torch.zeros_like(variance)
    return Normalized(outputs.permute(0, 2, 3, 1), mean, kept)
