"""What kind of device a model is on."""

import re
from typing import Any

import keras


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
