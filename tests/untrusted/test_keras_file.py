"""Model files of every damaged and hostile kind end in one line that names the file."""

import io
import json
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published.from_keras import load_model
from framl_keras.untrusted.keras_file import load_keras_weights

WEIGHTS = "model.weights.h5"


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """What is in the file of a small model."""
    path = tmp_path_factory.mktemp("sound") / "sound.keras"
    small_model().save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def small_model():
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="dense"), keras.layers.BatchNormalization()]
    )


def pack(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def with_config(change):
    """Changes the description of the Dense layer."""

    def changed(members):
        config = json.loads(members["config.json"])
        layer = config["config"]["layers"][1]
        assert layer["class_name"] == "Dense"
        change(config, layer)
        return {**members, "config.json": json.dumps(config)}

    return changed


def with_weights(change):
    """Changes the HDF5 file."""

    def changed(members):
        content = io.BytesIO(members[WEIGHTS])
        with h5py.File(content, "r+") as file:
            change(file)
        return {**members, WEIGHTS: content.getvalue()}

    return changed


def link_outside(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "/")


def huge_array(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", shape=(1 << 40,), dtype="f4")


def wrong_shape(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.zeros((4, 2), "f4")


def text_for_numbers(file):
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = np.array([b"abc"])


def loop(file):
    file["layers/dense/again"] = file["layers"]


DAMAGED = {
    "no weights": lambda members: {"config.json": members["config.json"]},
    "no config": lambda members: {WEIGHTS: members[WEIGHTS]},
    "config cut": lambda members: {**members, "config.json": members["config.json"][:-9]},
    "config nested": lambda members: {**members, "config.json": b"[" * 100000},
    "config a list": lambda members: {**members, "config.json": b"[1, 2]"},
    "config a number": lambda members: {**members, "config.json": b"7"},
    "weights cut": lambda members: {**members, WEIGHTS: members[WEIGHTS][:900]},
    "weights are text": lambda members: {**members, WEIGHTS: b"hello"},
    "weights empty": lambda members: {**members, WEIGHTS: b""},
    "missing layer": with_weights(lambda file: file.__delitem__("layers/dense")),
    "linked outside": with_weights(link_outside),
    "huge array": with_weights(huge_array),
    "wrong shape": with_weights(wrong_shape),
    "text for numbers": with_weights(text_for_numbers),
    "a loop": with_weights(loop),
    "more units than weights": with_config(lambda _, dense: dense["config"].update(units=1 << 30)),
    "units of text": with_config(lambda _, dense: dense["config"].update(units="many")),
    "unknown argument": with_config(lambda _, dense: dense["config"].update(colour=1)),
    "no class": with_config(lambda _, dense: dense.update(class_name=None)),
    "not a model": with_config(lambda config, dense: config.update(dense)),
    "huge input": with_config(
        lambda config, _: config["config"]["layers"][0]["config"].update(
            batch_shape=[None, 1 << 40]
        )
    ),
}
FOREIGN = {
    "a module of theirs": dict(module="evil_module", class_name="Layer", registered_name="Layer"),
    "a module of Python's": dict(module="os", class_name="system", registered_name=None),
    "a function": dict(module="os", class_name="function", config="system"),
    "Keras' tests": dict(module="keras.src.layers.core.dense_test", class_name="DenseTest"),
    "Keras' tools": dict(module="keras.utils", class_name="function", config="get_file"),
    "no module": dict(module=None, class_name="Mine", registered_name="mine>Mine"),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_one_line(damage, members, tmp_path):
    path = tmp_path / "damaged.keras"
    pack(path, damage(members))

    with pytest.raises(UserError, match=r"damaged\.keras: ") as error:
        load_model(path)

    assert "\n" not in str(error.value)


@pytest.mark.parametrize("names", FOREIGN.values(), ids=FOREIGN)
def test_a_name_that_is_not_known_is_not_imported(names, members, tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "foreign.keras"
    pack(path, with_config(lambda _, dense: dense.update(names))(members))

    with pytest.raises(UserError, match=r"is not known here\. Register it"):
        load_model(path)

    assert "evil_module" not in sys.modules


def test_python_code_is_not_run(tmp_path):
    path = tmp_path / "code.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x + 1)]).save(path)

    with pytest.raises(UserError, match="Python code"):
        load_model(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04" + b"\0" * 40, None],
    ids=["empty", "text", "zip's start", "zeros in a zip"],
)
def test_what_is_no_model_is_one_line(content, tmp_path):
    path = tmp_path / "other.keras"
    if content is None:
        pack(path, {"config.json": b"\0" * (1 << 27)}, zipfile.ZIP_DEFLATED)
    else:
        path.write_bytes(content)

    with pytest.raises(UserError, match=r"other\.keras: not a model that Keras can load"):
        load_model(path)


@pytest.mark.parametrize("name", ["missing.keras", "."])
def test_what_is_no_file_is_one_line(name, tmp_path):
    with pytest.raises(UserError):
        load_model(tmp_path / name)


def own_loss(expected, found):
    return keras.ops.mean(found)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("is_within", [False, True])
def test_a_compiled_model_loads(optimizer, is_within, tmp_path):
    model = small_model()
    model.compile(optimizer, "mse" if is_within else own_loss)
    if is_within:
        model = keras.Sequential([keras.Input((4,)), model])
    model.save(tmp_path / "compiled.keras")

    assert load_model(tmp_path / "compiled.keras").count_params() == model.count_params()


def test_a_layer_of_ones_own_loads_once_it_is_registered(tmp_path):
    class Doubled(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    path = tmp_path / "own.keras"
    keras.Sequential([keras.Input((4,)), Doubled()]).save(path)

    with pytest.raises(UserError, match=r"Doubled .*not known here"):
        load_model(path)
    with keras.saving.custom_object_scope({"Doubled": Doubled}):
        assert float(load_model(path)(np.ones((1, 4)))[0, 0]) == 2.0


@pytest.mark.parametrize(
    "change", [link_outside, huge_array, wrong_shape, text_for_numbers, loop, None]
)
def test_damaged_weights_are_one_line(change, members, tmp_path):
    path = tmp_path / "damaged.weights.h5"
    changed = with_weights(change)(members) if change else {WEIGHTS: members[WEIGHTS][:1500]}
    path.write_bytes(changed[WEIGHTS])

    with pytest.raises(UserError, match=r"damaged\.weights\.h5: not the weights of a test"):
        load_keras_weights(small_model(), path, "a test")
