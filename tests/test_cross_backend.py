"""What one backend saves, the others load, with the same embeddings and logits.

Needs a second backend; `tox -e cross` has all three.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from framl_keras import ArcMarginLayer, FeatureRepresentation, similarities
from framl_keras.recipe import Recipe
from framl_keras.training.parity.compare import compare
from framl_keras.training.parity.processes import Run, run_first_steps

BACKENDS = ("tensorflow", "jax", "torch")
OTHERS = [
    name
    for name in BACKENDS
    if name != keras.backend.backend() and importlib.util.find_spec(name) is not None
]

LOAD_AND_RUN = """
import sys
import framl_keras, keras, numpy as np

folder = sys.argv[1]
inputs = np.load(f"{folder}/inputs.npz")
model = keras.saving.load_model(f"{folder}/model.keras")
found = model.predict([inputs["pixels"], inputs["labels"]], verbose=0)
np.savez(f"{folder}/{keras.backend.backend()}.npz", **found)
"""


AUGMENT = """
import sys
import numpy as np
from framl_keras.data.policies import Policy

images = np.load(f"{sys.argv[1]}/images.npy")
for name in ("keras.rand_augment", "keras.aug_mix"):
    Policy(name, images.shape[1])(images, seed=3, first=50)
np.save(f"{sys.argv[1]}/{sys.argv[2]}.npy", images)
"""


def run_on(backend: str, code: str, *arguments: str) -> None:
    """Runs Python code in a process of its own on a backend."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A saved model with every layer of ours in it, its inputs, and what it gives here."""
    folder = tmp_path_factory.mktemp("cross")
    rng = np.random.default_rng(8)
    inputs = {
        "pixels": rng.uniform(0, 255, (4, 12, 12, 3)).astype(np.float32),
        "labels": np.array([0, 3, 5, -1], np.int32),
    }
    model = model_with_everything()
    for weight in model.weights:
        low = 0.5 if "variance" in weight.path or "gamma" in weight.path else -0.5
        if "float" in str(weight.dtype):
            weight.assign(rng.uniform(low, 1.0, weight.shape))
    model.save(folder / "model.keras")
    np.savez(folder / "inputs.npz", **inputs)
    found = model.predict([inputs["pixels"], inputs["labels"]], verbose=0)
    np.savez(folder / "here.npz", **found)
    return folder


def model_with_everything() -> keras.Model:
    pixels = keras.Input((12, 12, 3))
    labels = keras.Input((), dtype="int32")
    features = keras.layers.Rescaling(1 / 255)(pixels)
    features = keras.layers.Conv2D(6, 3, strides=2, padding="same")(features)
    features = keras.layers.PReLU(shared_axes=[1, 2])(features)
    outputs = {
        pooling: FeatureRepresentation(16, pooling=pooling, name=pooling)(features)
        for pooling in ("flatten", "gdc", "average")
    }
    a, b = outputs["flatten"], outputs["gdc"]
    outputs |= {name: similarities.get(name).layer()(a, b) for name in similarities.names()}
    head = ArcMarginLayer(6)
    outputs |= {"logits": head(a, labels), "plain": head(a)}
    return keras.Model([pixels, labels], outputs)


@pytest.mark.skipif(not OTHERS, reason="only one backend is installed; see tox -e cross")
@pytest.mark.parametrize("other", OTHERS)
def test_another_backend_gives_the_same(other, folder):
    run_on(other, LOAD_AND_RUN, str(folder))

    here, there = np.load(folder / "here.npz"), np.load(folder / f"{other}.npz")
    assert set(here) == set(there)
    for name in here:
        np.testing.assert_allclose(there[name], here[name], rtol=1e-4, atol=1e-4, err_msg=name)
    assert np.abs(here["flatten"]).max() > 0.1  # what is compared is not all zero


@pytest.mark.skipif(not OTHERS, reason="only one backend is installed; see tox -e cross")
def test_a_policy_gives_the_same_pixels_on_every_backend(tmp_path):
    pytest.importorskip("tensorflow")
    noise = np.random.default_rng(2).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8)
    images = noise.repeat(5, axis=1).repeat(5, axis=2)
    np.save(tmp_path / "images.npy", images)
    for name in (keras.backend.backend(), *OTHERS):
        run_on(name, AUGMENT, str(tmp_path), name)
    here, *there = (
        np.load(tmp_path / f"{name}.npy") for name in (keras.backend.backend(), *OTHERS)
    )
    assert np.mean(here != images) > 0.5
    assert all(np.array_equal(here, pixels) for pixels in there)


@pytest.mark.skipif(not OTHERS, reason="only one backend is installed; see tox -e cross")
def test_without_rounding_training_is_the_same_on_every_backend():
    recipe = Recipe.model_validate(
        {
            "name": "same",
            "data": {"train": "synthetic:people=5,images=8", "image_size": 64},
            "model": {"backbone": "MobileNetV2", "embedding_dim": 32, "embedding_l2": 5e-4},
            "train": {"batch_size": 8, "schedule": {"name": "cosine", "warmup": 0.2}},
        }
    )
    runs = [Run(name, "fit") for name in (keras.backend.backend(), *OTHERS)]
    (_, here), *others = run_first_steps(recipe, runs, steps=2, double=True)
    for run, there in others:
        parity = compare(here, there)
        assert parity.start.size == 0.0, run
        assert parity.losses.max() < 1e-10, run
        assert parity.gradient.size < 1e-9, run
