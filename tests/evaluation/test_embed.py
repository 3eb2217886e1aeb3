import os

import numpy as np
import pytest

from framl_keras.data.sources import Sample
from framl_keras.data.transforms import view
from framl_keras.errors import UserError
from framl_keras.evaluation import embed
from framl_keras.evaluation.embed import embed_with, mirror_fused

SIZE = 16


class Images:
    """Random images, made when they are asked for; the most that lived at once is known."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        rng = np.random.default_rng(index)
        image = rng.integers(256, size=(SIZE + 4, SIZE, 3), dtype=np.uint8)
        return Sample(image, index % 7, f"image-{index}")


class Projection:
    """A stand-in for a Keras model that notes which shapes it was called with."""

    def __init__(self, bad=None):
        self.matrix = np.random.default_rng(0).normal(size=(SIZE * SIZE * 3, 8)) / 1000
        self.shapes, self.bad = set(), bad

    def __call__(self, pixels):
        return pixels.reshape(len(pixels), -1).astype(np.float64) @ self.matrix

    def predict_on_batch(self, pixels):
        self.shapes.add(pixels.shape)
        output = self(pixels)
        if self.bad is not None:
            output[np.isclose(output[:, 0], self.bad)] = np.nan
        return output


@pytest.mark.parametrize("count", [1, 7, 8, 21])
@pytest.mark.parametrize("central_crop", [False, True])
def test_an_embedding_is_that_of_the_image_plus_its_mirror_image(count, central_crop):
    images, model = Images(count), Projection()
    found = embed(model, images, SIZE, central_crop, batch_size=8, progress=False)
    for index, vector in enumerate(found):
        pixels = view(images[index].image, SIZE, central_crop)
        expected = model(pixels[None])[0] + model(pixels[None, :, ::-1])[0]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
    assert found.dtype == np.float32
    assert model.shapes == {(16, SIZE, SIZE, 3)}  # one shape, so one compilation


def test_a_bad_embedding_names_its_image():
    images, model = Images(11), Projection()
    model.bad = model(view(images[9].image, SIZE)[None])[0, 0]
    with pytest.raises(UserError, match="image-9: its embedding is not finite"):
        embed(model, images, SIZE, batch_size=4, progress=False)


def test_an_image_that_does_not_decode_is_named():
    samples = [Images(1)[0], Sample(b"not an image", 0, "broken.png")]
    with pytest.raises(UserError, match=r"broken\.png"):
        embed(Projection(), samples, SIZE, progress=False)


def test_a_set_has_a_fingerprint_of_its_bytes_and_its_identities():
    found = [
        embed_with(mirror_fused(Projection(), 4), Images(count), SIZE, batch_size=4, progress=False)
        for count in (9, 9, 10)
    ]
    assert found[0].fingerprint == found[1].fingerprint != found[2].fingerprint
    np.testing.assert_array_equal(found[2].identities, np.arange(10) % 7)


def test_images_stream():
    """Reading goes only a little ahead of embedding."""
    read = []

    class Counted(Images):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    ahead = []

    def function(pixels):
        ahead.append(len(read))
        return pixels.reshape(len(pixels), -1)[:, :8].astype(np.float32) + 1

    embed_with(function, Counted(400), SIZE, batch_size=4, progress=False)
    assert max(np.array(ahead) - 4 * np.arange(100)) <= 60


def test_a_keras_model_is_traced_once():
    keras = pytest.importorskip("keras")
    traces = []

    class Traced(keras.layers.Layer):
        def call(self, x):
            traces.append(x.shape)
            return keras.ops.mean(keras.ops.cast(x, "float32"), axis=(1, 2))

    pixels = keras.Input((SIZE, SIZE, 3))
    model = keras.Model(pixels, Traced()(pixels))
    traces.clear()
    embed(model, Images(7), SIZE, batch_size=4, progress=False)
    first = len(traces)
    embed(model, Images(27), SIZE, batch_size=4, progress=False)
    if os.environ.get("KERAS_BACKEND") == "torch":  # nothing is compiled: one call a batch
        assert len(traces) == first + 7
    else:
        assert len(traces) == first
