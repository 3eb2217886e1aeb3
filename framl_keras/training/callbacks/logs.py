"""The numbers that Keras' callbacks are given, under the names that we show."""

from typing import Any

_SHOWN = {"loss": "loss", "accuracy": "plain_accuracy"}


def shown_numbers(logs: dict[str, Any] | None) -> dict[str, float]:
    """Loss and accuracy, means since the epoch's first step, as plain floats."""
    logs = logs or {}
    return {shown: float(logs[name]) for shown, name in _SHOWN.items() if name in logs}
