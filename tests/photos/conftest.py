import pytest

from framl_keras.data.decode import decode
from framl_keras.data.sources import open_source
from framl_keras.photos import YuNet

pytest.importorskip("skimage")


@pytest.fixture(scope="session")
def orl():
    """One raw photo of each of AT&T's 40 people, RGB."""
    source = open_source("orl")
    return [decode(source[index]) for index in range(0, 400, 10)]


@pytest.fixture(scope="session")
def yunet():
    return YuNet()
