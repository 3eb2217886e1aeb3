"""Trains recipes on one device and on several, in a process of its own, and compares the two.

    python tests/training/on_devices.py FOLDER PRECISION CASES

writes into FOLDER/found.json, for each case of a JSON list, how far losses and the final state
lie apart, relative to their sizes.
"""

import json
import os
import re
import sys
from pathlib import Path

import cv2
import numpy as np

BATCH, STEPS, IDENTITIES = 16, 20, 21


def make_images(folder: Path) -> None:
    """Noisy images of identities whose number no device count divides."""
    rng = np.random.default_rng(0)
    for identity in range(IDENTITIES):
        (folder / f"{identity:02d}").mkdir(parents=True, exist_ok=True)
        face = rng.integers(40, 216, (16, 16, 3))
        for image in range(4):
            pixels = np.clip(face + rng.normal(0, 20, face.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"{identity:02d}" / f"{image}.png"), pixels)


def recipe_of(folder: Path, case: dict) -> dict:
    return {
        "name": "tiny",
        "data": {"train": str(folder), "image_size": 16, "augment": {"resize_to": 16}},
        "model": {
            "backbone": "normed-for-tests",
            "embedding_dim": 8,
            "dropout": 0.3,
            "scale": 16,
            **case.get("model", {}),
        },
        "train": {
            "batch_size": BATCH,
            "epochs": 4,
            "optimizer": case.get("optimizer", {"name": "adamw", "learning_rate": 0.01}),
            **case.get("train", {}),
        },
    }


def network(input_shape, weights=None):
    """Convolutions without a bias before batch norm: its gradient would be rounding alone."""
    import keras

    pixels = keras.Input(input_shape)
    features = keras.layers.Conv2D(8, 5, 4, padding="same", use_bias=False, name="conv")(pixels)
    features = keras.layers.BatchNormalization(name="norm")(features)
    return keras.Model(pixels, keras.layers.ReLU()(features), name="normed")


def train(recipe: dict, mode: str, count: int, double: bool) -> dict[str, np.ndarray]:
    from framl_keras.recipe import Recipe
    from framl_keras.training.distribution import ONE_DEVICE, devices_for
    from framl_keras.training.parity.first_steps import first_steps

    batch = recipe["train"]["batch_size"]
    devices = ONE_DEVICE if count == 1 else devices_for(count, batch)
    return first_steps(Recipe.model_validate(recipe), mode, STEPS, double, devices)


def difference(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, float]:
    """The largest relative to the size of its array, of losses and of the final state."""
    parts: dict[str, float] = {"loss": 0.0, "end": 0.0}
    one, other = ({k: v for k, v in found.items() if k.split("/")[0] in parts}
                  for found in (one, other))  # fmt: skip
    assert one.keys() == other.keys()
    for name, values in one.items():
        # A bias before batch norm has no gradient but rounding, which AdamW makes as large as any.
        if not re.search("dense.bias", name):
            left, right = np.float64(values), np.float64(other[name])
            size = max(np.abs(left).max(initial=0), 1e-3)
            apart = float(np.abs(left - right).max(initial=0) / size)
            part = name.split("/")[0]
            parts[part] = max(parts[part], apart)
    return parts


def main(folder: Path, precision: str, cases: list[dict]) -> None:
    import keras

    from framl_keras import backbones
    from framl_keras.layers import sampled_kernel
    from framl_keras.training.distribution import devices_for

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        processor, *_ = tf.config.list_physical_devices("CPU")
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    backbones.register("normed-for-tests", backbones.Backbone(network))
    devices_for(
        cases[0]["count"], 8 * cases[0]["count"]
    )  # processes meet before the backend begins
    double = precision == "float64"
    make_images(folder)
    found = {}
    for case in cases:
        recipe = recipe_of(folder, case)
        sampled_kernel.SMALLEST_DRAW = case.get("smallest_draw", 1024)
        one = train(recipe, case["mode"], 1, double)
        several = train(recipe, case["mode"], case["count"], double)
        again = several
        if case.get("twice"):
            again = train(recipe, case["mode"], case["count"], double)
        parts = difference(one, several)
        parts["repeated"] = float(all(np.array_equal(several[k], again[k]) for k in several))
        parts["last loss"] = float(one["loss"][-1])
        found[case["name"]] = parts
    beside = folder / f"found-{os.getpid()}.json"  # every process has found the same
    beside.write_text(json.dumps(found))
    beside.replace(folder / "found.json")


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    main(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]))
