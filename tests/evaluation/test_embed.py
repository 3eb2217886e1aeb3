import os

import numpy as np
import pytest

from framl_keras.data.sources import Sample
from framl_keras.data.view import View
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
    found = embed(model, images, View(SIZE, central_crop), batch_size=8, progress=False)
    for index, vector in enumerate(found):
        pixels = View(SIZE, central_crop).pixels(images[index].image)
        expected = model(pixels[None])[0] + model(pixels[None, :, ::-1])[0]
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
    assert found.dtype == np.float32
    # one shape, so one compilation, where there is one image or many
    assert model.shapes == {(2 if count == 1 else 16, SIZE, SIZE, 3)}


@pytest.mark.parametrize("batch_size", [1, 4, 8, 64, 100])
@pytest.mark.parametrize("fused", [True, False])
def test_a_small_call_passes_fewer_than_eight_times_its_rows(batch_size, fused):
    sizes = set()
    for count in range(1, batch_size + 1):
        model = Projection()
        embed(model, Images(count), View(SIZE), batch_size=batch_size, progress=False, fused=fused)
        ((rows, *_),) = model.shapes
        assert rows < 8 * (2 if fused else 1) * count
        sizes.add(rows)
    assert len(sizes) <= 4  # few compilations


def test_after_a_full_batch_no_other_shape_is_compiled():
    model = Projection()
    embed(model, Images(9), View(SIZE), batch_size=8, progress=False)
    assert model.shapes == {(16, SIZE, SIZE, 3)}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("normalize", [True, False])
def test_plain_embeddings_are_asked_for_by_name(fused, normalize):
    images, model = Images(3), Projection()
    found = embed(model, images, View(SIZE), progress=False, fused=fused, normalize=normalize)
    for index, vector in enumerate(found):
        pixels = View(SIZE).pixels(images[index].image)[None]
        expected = model(pixels)[0] + (model(pixels[:, :, ::-1])[0] if fused else 0)
        length = np.linalg.norm(expected) if normalize else 1
        np.testing.assert_allclose(vector, expected / length, rtol=1e-5, atol=1e-6)


def test_an_embedding_is_the_same_alone_and_among_others():
    keras = pytest.importorskip("keras")
    pixels = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Rescaling(1 / 128, -1)(pixels)
    for _ in range(4):
        x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    model = keras.Model(pixels, keras.layers.Dense(32)(keras.layers.Flatten()(x)))
    images = Images(70)
    among = embed(model, images, View(SIZE), progress=False)
    for count in (1, 2, 8, 9, 65):
        found = embed(model, [images[i] for i in range(count)], View(SIZE), progress=False)
        np.testing.assert_allclose(found, among[:count], atol=1e-6)


def test_a_bad_embedding_names_its_image():
    images, model = Images(11), Projection()
    model.bad = model(View(SIZE).pixels(images[9].image)[None])[0, 0]
    with pytest.raises(UserError, match="image-9: its embedding is not finite"):
        embed(model, images, View(SIZE), batch_size=4, progress=False)


def test_an_image_that_does_not_decode_is_named():
    samples = [Images(1)[0], Sample(b"not an image", 0, "broken.png")]
    with pytest.raises(UserError, match=r"broken\.png"):
        embed(Projection(), samples, View(SIZE), progress=False)


def test_a_set_has_a_fingerprint_of_its_bytes_and_its_identities():
    found = [
        embed_with(
            mirror_fused(Projection(), 4), Images(count), View(SIZE), batch_size=4, progress=False
        )
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

    embed_with(function, Counted(400), View(SIZE), batch_size=4, progress=False)
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
    embed(model, Images(7), View(SIZE), batch_size=4, progress=False)
    first = len(traces)
    embed(model, Images(27), View(SIZE), batch_size=4, progress=False)
    if os.environ.get("KERAS_BACKEND") == "torch":  # nothing is compiled: one call a batch
        assert len(traces) == first + 7
    else:
        assert len(traces) == first
