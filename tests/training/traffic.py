"""What a compiled step of JAX sends between eight devices, in a process of its own.

    XLA_FLAGS=--xla_force_host_platform_device_count=8 python tests/training/traffic.py

prints for each head the bytes of the step's largest message and of what it may be compared with.
"""

import json
import math

import keras
import numpy as np
from on_devices import network

from benchmarks.scaling import messages
from framl_keras.layers import sampled_kernel
from framl_keras.models import compile_for_training, training_model
from framl_keras.training.distribution import devices_for
from framl_keras.training.steps.jax import _step_of

BATCH, DIM, CLASSES = 64, 32, 4099
HEADS = {
    "ArcFace": {},
    "smoothed": {"label_smoothing": 0.1},
    "CurricularFace": {"margin": {"name": "CurricularFace"}},
    "sub-centers": {"sub_centers": 3},
    "filtered": {"interclass_filter": 0.4},
    "in blocks": {"class_blocks": 4, "label_smoothing": 0.1},
    "sub-centers in blocks": {"class_blocks": 4, "sub_centers": 3},
    "sampled": {"sample_rate": 0.5, "row_optimizer": {"learning_rate": 0.1}},
}


def step_of(head: dict) -> tuple[str, int]:
    """A step's compiled program, and the bytes of the backbone's gradients."""
    devices = devices_for(8, BATCH)
    with devices.scope():
        pixels = keras.Input((16, 16, 3))
        features = keras.layers.Flatten()(network((16, 16, 3))(pixels))
        embedder = keras.Model(pixels, keras.layers.Dense(DIM)(features))
        model = training_model(embedder, CLASSES, **head)
        compile_for_training(model, keras.optimizers.AdamW(0.1, global_clipnorm=1.0))
        images, labels = np.zeros((BATCH, 16, 16, 3), "float32"), np.arange(BATCH, dtype="int32")
        parts = (model.trainable_variables, model.non_trainable_variables)
        values = [[v.value for v in part] for part in (*parts, model.optimizer.variables)]
        given = (*values, *devices.place((images, labels)), keras.ops.ones(()))
        program = _step_of(model, model.optimizer, True).lower(*given).compile().as_text()
    return program, 4 * sum(math.prod(v.shape) for v in embedder.trainable_variables)


def main() -> None:
    sampled_kernel.SMALLEST_DRAW = BATCH  # small, so that there are several blocks a device
    found = {}
    for name, head in HEADS.items():
        program, backbone = step_of(head)
        sent = messages(program)
        found[name] = {"largest": max(sent), "count": len(sent), "backbone": backbone}
    print("FOUND", json.dumps(found))


if __name__ == "__main__":
    main()
