import cv2
import numpy as np
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


def perturbed(photo, degrees=0.0, scale=1.0, shift=(0, 0), room=60):
    """A photo turned, scaled and moved, and the affine map that did it."""
    height, width = photo.shape[:2]
    room = round(room * scale)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[:, 2] += np.array([room, room]) + shift
    size = (width + 2 * room, height + 2 * room)
    return cv2.warpAffine(photo, matrix, size, borderMode=cv2.BORDER_REPLICATE), matrix
