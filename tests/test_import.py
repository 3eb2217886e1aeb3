"""Importing the package is quick, and yet Keras knows its layers."""

import subprocess
import sys

import keras
import numpy as np
import pytest

from framl_keras import ArcMarginLayer, CosineSimilarity, FeatureRepresentation
from framl_keras.keras_registry import CLASSES, FUNCTIONS
from framl_keras.losses import as_given

BACKENDS = {"keras", "tensorflow", "jax", "torch"}


def run(code: str) -> str:
    """What a fresh Python prints; numbers of the run must not depend on this process."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "module", ["framl_keras", "framl_keras.cli", "framl_keras.recipe", "framl_keras.similarities"]
)
def test_no_backend_is_imported(module):
    loaded = run(f"import sys, {module}; print(' '.join(sys.modules))")

    assert not BACKENDS & set(loaded.split())


PARTS = [
    "margins",
    "ops.margins",
    "ops.backend",
    "layers.arc_margin",
    "losses.triplet",
    "models",
    "similarities.layers",
]
IN_FORKS = """
import os, sys, {imports}
for part in {parts}:
    if not os.fork():
        __import__("framl_keras." + part)
        import keras
        make = keras.saving.get_registered_object("framl_keras>ArcMarginLayer")
        print(part, make(3).num_classes, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def imported_first():
    """What each part prints in a process that has imported the backend, and nothing of Keras."""
    imports = {"torch": "torch._dynamo"}.get(keras.backend.backend(), keras.backend.backend())
    code = IN_FORKS.format(imports=imports, parts=PARTS)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize("part", PARTS)
def test_any_part_may_be_imported_first(imported_first, part):
    assert f"{part} 3" in imported_first.stdout.splitlines(), imported_first.stderr


def test_keras_knows_every_class_of_ours_before_it_is_imported():
    importing = "import keras, framl_keras.layers, framl_keras.losses, framl_keras.margins"
    ours = "sorted(n for n in keras.saving.get_custom_objects() if n.startswith('framl_keras>'))"

    registered = run(f"{importing}; print({ours})")

    tables = [*CLASSES.values(), *FUNCTIONS.values()]
    listed = [f"framl_keras>{name}" for names in tables for name in names]
    assert registered == str(sorted(listed))


def test_importing_keras_imports_none_of_our_layers():
    loaded = run("import framl_keras, keras, sys; print('framl_keras.layers' in sys.modules)")

    assert loaded == "False"


def test_evaluation_of_ready_embeddings_needs_no_keras():
    loaded = run("import sys, framl_keras.evaluation; print('keras' in sys.modules)")

    assert loaded == "False"


@pytest.mark.parametrize("order", ["framl_keras, keras", "keras, framl_keras"])
def test_a_saved_model_loads_without_custom_objects(order, tmp_path):
    pixels = keras.Input((3, 3, 2))
    embedding = FeatureRepresentation(4)(pixels)
    outputs = [ArcMarginLayer(3)(embedding), CosineSimilarity()(embedding, embedding)]
    model = keras.Model(pixels, outputs)
    model.compile("sgd", loss=[as_given, as_given])
    model.save(tmp_path / "model.keras")

    first, second = (str(tmp_path / f"{name}.keras") for name in ("model", "again"))
    load = "model = keras.saving.load_model"
    again = f"{load}({first!r}); model.save({second!r}); {load}({second!r})"
    count = run(f"import {order}; import keras; {again}; print(model.count_params())")

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
