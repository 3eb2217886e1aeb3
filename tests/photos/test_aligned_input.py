"""An embedder whose training images were aligned sees photos aligned likewise."""

import cv2
import keras
import numpy as np
import pytest
from photos.moved_photos import perturbed

from framl_keras import Embedder
from framl_keras.data.alignment import alignment_of
from framl_keras.data.decode import decode
from framl_keras.data.files import ImageFiles
from framl_keras.errors import UserError
from framl_keras.photos import align, align_folder


@pytest.fixture(scope="module")
def place(tmp_path_factory, orl, yunet):
    """Two moved photos, one without a face, and the two aligned by `align_folder`."""
    root = tmp_path_factory.mktemp("photos")
    for number in range(2):
        moved, _ = perturbed(orl[number], degrees=8 * number, scale=2)
        (root / "raw" / f"p{number}").mkdir(parents=True)
        cv2.imwrite(str(root / "raw" / f"p{number}" / "0.png"), moved[:, :, ::-1])
    align_folder(root / "raw", root / "faces", yunet)
    cv2.imwrite(str(root / "sky.png"), np.full((90, 120, 3), 200, np.uint8))
    return root


def embedder_of(place=None, **changes):
    """The gray pixels themselves as an embedding."""
    pixels = keras.Input((112, 112, 3))
    small = keras.layers.AveragePooling2D(8)(pixels)
    model = keras.Model(pixels, keras.layers.Flatten()(small))
    settings = alignment_of(str(place / "faces")) | changes if place else None
    return Embedder(model, facts={"aligned": settings})


def read(path):
    return decode(ImageFiles([path])[0])


def test_photos_are_aligned_as_the_training_images_were(place, yunet):
    raw = place / "raw" / "p1" / "0.png"
    embedder = embedder_of(place)
    face = align(read(raw), yunet)[0].image

    expected = embedder.embed(face, align="never")

    np.testing.assert_array_equal(embedder.embed(raw), expected)
    np.testing.assert_array_equal(embedder.embed(raw.read_bytes(), align="always"), expected)
    np.testing.assert_array_equal(embedder.embed(place / "faces" / "p1" / "0.png"), expected)
    assert np.abs(embedder.embed(raw, align="never") - expected).max() > 0.01
    assert embedder.compare(raw, place / "faces" / "p1" / "0.png").distance < 1e-6
    found = embedder.identify(place / "faces", raw)
    assert found.rows()[0]["identity"] == "p1"
    assert found.rows()[0]["distance"] < 1e-6  # the gallery is aligned already


def test_without_a_known_alignment_images_are_taken_as_they_are(place):
    raw, embedder = place / "raw" / "p1" / "0.png", embedder_of()
    np.testing.assert_array_equal(embedder.embed(raw), embedder.embed(raw, align="never"))


def test_where_no_face_is_found(place, caplog):
    embedder, sky = embedder_of(place), place / "sky.png"

    expected = embedder.embed(sky, align="never")

    np.testing.assert_array_equal(embedder.embed(sky), expected)
    assert "sky.png: no face found; it is taken as it is." in caplog.text
    with pytest.raises(UserError, match=r"sky\.png: no face found"):
        embedder.embed(sky, align="always")
    kept = embedder.encode([sky, place / "raw"], align="always", on_error="skip")
    assert list(kept.left_out) == [str(sky)]
    assert len(kept.vectors) == 2


@pytest.mark.parametrize(
    "changes", [{"detector": "scrfd"}, {"detector_sha256": "00"}, {"template": "other"}]
)
def test_another_detector_or_template_is_refused_in_one_line(place, changes):
    with pytest.raises(UserError, match=f"aligned otherwise \\({next(iter(changes))}"):
        embedder_of(place, **changes).embed(place / "sky.png")


@pytest.mark.parametrize("changes", [{"size": "112"}, {"size": 10**6}, {"border": "x"}])
def test_damaged_facts_are_refused_in_one_line(place, changes):
    with pytest.raises(UserError, match="Damaged facts on how the training images were aligned"):
        embedder_of(place, **changes).embed(place / "sky.png")


def test_an_unknown_mode_is_refused(place):
    with pytest.raises(ValueError, match="`align` must be one of auto, never, always"):
        embedder_of().embed(place / "sky.png", align="sometimes")


@pytest.mark.parametrize(("names", "known"), [(["faces"], True), (["faces/p0"], True),
                                              (["raw"], False), (["faces", "raw"], False),
                                              (["nowhere"], False)])  # fmt: skip
def test_training_data_know_their_alignment(place, names, known):
    assert (alignment_of([str(place / name) for name in names]) is not None) is known
