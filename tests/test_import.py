"""Importing the package is quick, and yet Keras knows its layers."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from framl_keras import ArcMarginLayer, CosineSimilarity, FeatureRepresentation

BACKENDS = {"keras", "tensorflow", "jax", "torch"}


def run(code: str) -> str:
    """What a fresh Python prints; numbers of the run must not depend on this process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize("module", ["framl_keras", "framl_keras.cli", "framl_keras.recipe"])
def test_no_backend_is_imported(module):
    loaded = run(f"import sys, {module}; print(' '.join(sys.modules))")

    assert not BACKENDS & set(loaded.split())


@pytest.mark.parametrize(
    "module", ["margins", "ops.margins", "layers.arc_margin", "losses.triplet", "models"]
)
def test_any_part_may_be_imported_first(module):
    done = f"import framl_keras.{module}, sys; print('framl_keras.layers' in sys.modules)"

    assert run(done) == "True"


@pytest.mark.parametrize("order", ["framl_keras, keras", "keras, framl_keras"])
def test_a_saved_model_loads_without_custom_objects(order, tmp_path):
    pixels = keras.Input((3, 3, 2))
    embedding = FeatureRepresentation(4)(pixels)
    outputs = [ArcMarginLayer(3)(embedding), CosineSimilarity()(embedding, embedding)]
    model = keras.Model(pixels, outputs)
    model.save(tmp_path / "model.keras")

    load = f"keras.saving.load_model({str(tmp_path / 'model.keras')!r})"
    count = run(f"import {order}; import keras; print({load}.count_params())")

    assert int(count) == model.count_params()


def test_public_names_are_there_and_others_are_not():
    import framl_keras

    assert all(getattr(framl_keras, name) is not None for name in framl_keras.__all__)
    assert set(framl_keras.__all__) <= set(dir(framl_keras))
    with pytest.raises(AttributeError, match="no attribute 'ArcMargin'"):
        framl_keras.ArcMargin  # noqa: B018


def test_layers_are_registered_under_the_package_s_name():
    layer = keras.saving.serialize_keras_object(ArcMarginLayer(3))

    assert layer["registered_name"] == "framl_keras>ArcMarginLayer"
    assert isinstance(keras.saving.deserialize_keras_object(layer), ArcMarginLayer)
    assert np.isclose(layer["config"]["margin"], 0.5)
