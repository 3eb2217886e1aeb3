"""Torch's own batch normalisation."""

import torch

from framl_keras.training.steps.batch_norm import Normalised, biased
from framl_keras.training.steps.step import Tensor


def normalise(x: Tensor, scale: Tensor, offset: Tensor, epsilon: float) -> Normalised:
    """Normalises float32 `(batch, height, width, channels)` by its batch statistics."""
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
    return Normalised(outputs.permute(0, 2, 3, 1), mean, kept)
