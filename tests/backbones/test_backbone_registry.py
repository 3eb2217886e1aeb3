"""Names lead to backbones, and near misses are suggested."""

import importlib
import sys

import keras
import pytest

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("iresnet50", "Did you mean 'IResNet50'"),
        ("MobileFacenet", "Did you mean 'MobileFaceNet'"),
        ("something", "Expected one of AdaFaceIR101, .*IResNet10, .*keras_hub:NAME"),
        ("keras_cw:ResNet50", "Unknown backbone 'keras_cw:ResNet50'"),
    ],
)
def test_an_unknown_name_is_answered_with_what_exists(name, message):
    with pytest.raises(UserError, match=message):
        backbones.get(name)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="There is a backbone of that name already"):
        backbones.register("IResNet50", backbones.get("IResNet18"))


@pytest.mark.parametrize(
    ("package", "line"),
    [("keras_cv", "pip install keras-cv tensorflow"), ("keras_hub", "pip install keras-hub")],
)
def test_without_a_library_the_pip_line_is_shown(package, line, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=line):
        backbones.get(f"{package}:ResNet50")


@pytest.mark.parametrize("name", ["keras_cv:ResNet18", "keras_hub:ResNet18", "keras_hub:VGG11"])
def test_a_librarys_network_is_built_without_fetching(name):
    _import_or_skip(name)
    network = backbones.get(name).build((112, 112, 3))
    assert network.output_shape[-1] == 512
    assert type(network).__module__.startswith("keras.")  # loads where the library is missing


@pytest.mark.parametrize("name", ["keras_cv:ResNet51", "keras_hub:ResNet51"])
def test_a_librarys_near_miss_is_suggested(name):
    _import_or_skip(name)
    with pytest.raises(UserError, match="Did you mean 'ResNet5"):
        backbones.get(name)


def _import_or_skip(name):
    try:
        importlib.import_module(name.partition(":")[0])
    except ImportError as error:  # these libraries also fail to import where TensorFlow is missing
        pytest.skip(str(error))


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="Keras has it elsewhere")
def test_a_network_that_keras_lacks_on_a_backend_is_one_line():
    with pytest.raises(UserError, match=r"does not have the backbone NASNetMobile on torch"):
        embedding_model("NASNetMobile", 64)
