"""Images that are too small for a network: one line that names both, and the least size."""

import keras
import pytest

from framl_keras import backbones
from framl_keras.errors import UserError
from framl_keras.models import embedding_model


def five_valid_convolutions(input_shape, weights=None):
    """Builds from a side of 11 on; what a smaller one raises is the backend's own."""
    pixels = keras.Input(input_shape)
    features = pixels
    for _ in range(5):
        features = keras.layers.Conv2D(2, 3)(features)
    return keras.Model(pixels, features)


if "five-for-tests" not in backbones.names():
    backbones.register("five-for-tests", five_valid_convolutions)


@pytest.mark.parametrize(
    ("name", "size", "least"),
    [
        ("ResNet50", 16, 32),
        ("MobileNetV2", 31, 32),
        ("VGG16", 16, 32),
        ("Xception", 64, 71),
        ("InceptionV3", 74, 75),
        ("five-for-tests", 8, 11),
        ("five-for-tests", (112, 10), 11),
    ],
)
def test_the_least_size_is_named(name, size, least):
    with pytest.raises(UserError) as said:
        embedding_model(name, size)
    assert f"The backbone {name} is made for images of at least {least}x{least}" in str(said.value)
    assert "\n" not in str(said.value)


def test_the_least_size_itself_builds():
    assert embedding_model("five-for-tests", 11).input_shape == (None, 11, 11, 3)


def test_another_fault_of_a_network_is_its_own():
    backbones.register("broken-for-tests", lambda shape, weights=None: 1 / 0, replace=True)
    with pytest.raises(ZeroDivisionError):
        embedding_model("broken-for-tests", 16)
