"""What a training is, said once at its beginning."""

import re
from typing import Any

import keras

from framl_keras.training.callbacks.progress import Progress


def describe(
    embedder: keras.Model,
    backbone: str,
    identities: int,
    images: int,
    precision: str,
    progress: Progress,
    where: str,
) -> str:
    """Data, network, backend, device, precision and steps, on one line."""
    epochs = f"{progress.epochs} epoch{'s' if progress.epochs > 1 else ''}"
    return (
        f"{identities:,} identities, {images:,} images; {backbone}, "
        f"{embedder.count_params():,} parameters; {keras.config.backend()} on "
        f"{where}, {precision}; {progress.total_steps:,} steps of "
        f"{progress.batch_size} in {epochs}"
    )


def device_of(model: keras.Model) -> str:
    """The kind of device that a model's weights are on.

    Example:
    >>> device_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])) in ("CPU", "GPU")
    True
    """
    weights = model.weights
    value: Any = weights[0].value if weights else None
    # JAX' `device` of what lies on several is a description of its shares.
    told = str(value.devices() if hasattr(value, "devices") else getattr(value, "device", ""))
    kind = re.search(r"(cpu|gpu|cuda|tpu|mps|xpu)", told.lower())
    return "an unknown device" if kind is None else kind[1].upper().replace("CUDA", "GPU")
