"""On which devices a training runs; each backend spreads it in its own way."""

import importlib
import logging

from keras import backend

from framl_keras.errors import UserError
from framl_keras.training.distribution.devices import (
    ONE_DEVICE,
    Devices,
    largest_share,
    placed,
)

__all__ = ["ONE_DEVICE", "Devices", "devices_for", "largest_share", "placed"]

log = logging.getLogger(__name__)

_FILES = ("jax",)


def devices_for(asked: int | str | None, batch_size: int) -> Devices:
    """The devices that a training is to run on.

    Args:
        asked: how many, `all` for as many as share the batch equally, None for one.
        batch_size: rows of a step, which devices share equally.

    Raises:
        UserError: if there are fewer devices, or they cannot share a batch.
    """
    if asked in (None, 1):
        return ONE_DEVICE
    running = backend.backend()
    if running not in _FILES:
        raise UserError(
            f"--devices: the {running} backend trains on one device. Expected KERAS_BACKEND=jax "
            "for several."
        )
    chosen = importlib.import_module(f"{__name__}.{running}")
    available = chosen.available()
    if asked == "all":
        count = largest_share(batch_size, available)
        if count < available:
            log.info(
                "%d of %d devices share the batches: train.batch_size is %d, a multiple of %d only",
                *(count, available, batch_size, count),
            )
        return chosen.create(count) if count > 1 else ONE_DEVICE
    if not isinstance(asked, int) or not 1 <= asked <= available:
        raise UserError(
            f"--devices: {asked}, where the {running} backend has {available} "
            f"{'device' if available == 1 else 'devices'}. Expected all, or a number up to that."
        )
    if batch_size % asked:
        raise UserError(
            f"train.batch_size: {asked} devices cannot share {batch_size} rows equally. Expected "
            f"a multiple of {asked}, or --devices {largest_share(batch_size, asked)}."
        )
    return chosen.create(asked)
