"""Makes embedders from the TensorFlow checkpoints of FRAML and arcface-tf2."""

import re
from pathlib import Path
from typing import Any

import keras

from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published.catalog import TENSORFLOW
from framl_keras.published.fill import fill
from framl_keras.published.imported import Imported
from framl_keras.published.parity import largest_difference
from framl_keras.published.slots import Slot, weights_of
from framl_keras.published.tensorflow_checkpoint import read_tensorflow_checkpoint

KERNEL = "dense/kernel"
TRAINING = re.compile(  # counters, the optimizer's state, and the margin head
    r"(^|/)save_counter/|^optimizer/|\.OPTIMIZER_SLOT|/OBJECT_CONFIG_JSON$"
    r"|^(model/)?layer_with_weights-2/"
)
HEAD: dict[str, Any] = {
    "batch_norm_momentum": 0.99,
    "batch_norm_epsilon": 1e-3,
}  # Keras' defaults, as the seed


def from_tensorflow(prefix: Path, backbone: str, image_size: int) -> Imported:
    """Imports a checkpoint by its prefix, the path without `.index`.

    Raises:
        UserError: if the network is none of the seed's, or the tensors don't fit.
    """
    if backbone not in TENSORFLOW:
        raise UserError(
            f"{prefix}: no TensorFlow checkpoints of {backbone} are known. "
            f"Expected --as {' or '.join(TENSORFLOW)}."
        )
    tensors = read_tensorflow_checkpoint(prefix)
    size: dict[str, Any] = {"embedding_dim": tensors[KERNEL].shape[-1]} if KERNEL in tensors else {}
    embedder = embedding_model(backbone, image_size, **size, **HEAD)
    fill(_slots(embedder), tensors, TRAINING, str(prefix))
    reference = TENSORFLOW[backbone]
    difference = largest_difference(embedder, lambda pixels: reference(tensors, pixels))
    return Imported(embedder, difference, "tensorflow")


def _slots(embedder: keras.Model) -> dict[str, Slot]:
    """The variables as `layer/variable`, whose axes are Keras' already."""
    return {
        f"{layer.name}/{variable.name}": Slot(variable, tuple(variable.shape), lambda x: x)
        for layer, variable in weights_of(embedder)
    }
