"""Other sizes, proportions and gray: trained, saved, opened again and exported from a recipe."""

import numpy as np
import pytest
from data.containers import write_parquet, write_tar

import framl_keras as fk
from framl_keras.data import View
from framl_keras.errors import UserError
from framl_keras.export.formats import writers_of

CASES = {
    "160 from a folder": (None, {"image_size": 160, "aspect_ratio": "crop"}),
    "256 x 128 from Parquet": (write_parquet, {"image_size": [256, 128], "aspect_ratio": "pad"}),
    "gray from tar": (write_tar, {"channels": 1, "central_crop": True}),
}


@pytest.fixture
def photos(tmp_path):
    """A folder of three identities' photos, of sizes that differ."""
    import keras

    rng = np.random.default_rng(0)
    for who in range(3):
        for shot in range(3):
            shape = (40 + 7 * shot, 61 - 9 * who, 3)
            path = tmp_path / "photos" / f"p{who}" / f"{shot}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            keras.utils.save_img(path, rng.integers(256, size=shape, dtype=np.uint8), scale=False)
    return tmp_path / "photos"


@pytest.mark.parametrize("case", CASES)
def test_a_recipe_of_another_shape(case, photos, tmp_path, monkeypatch):
    write, seen = CASES[case]
    if write is write_parquet:
        pytest.importorskip("pyarrow")
    monkeypatch.chdir(tmp_path)
    train = photos
    if write is not None:
        train = tmp_path / f"photos.{'tar' if write is write_tar else 'parquet'}"
        write(photos, train)
    recipe = {
        "name": "shapes",
        "data": {"train": str(train), "test": {"same": str(photos)}, **seen},
        "model": {"backbone": "FaceResNet10", "embedding_dim": 16, "scale": 16},
        "train": {"epochs": 1, "batch_size": 4, "precise_batch_norm": 2, "verify_every": 0},
    }

    run = fk.train(recipe, progress=False)

    size = seen.get("image_size", 112)
    size = tuple(size) if isinstance(size, list) else size
    view = View(size, "central_crop" in seen, seen.get("channels", 3),
                seen.get("aspect_ratio", "stretch"))  # fmt: skip
    assert run.embedder.view == view
    assert run.embedder.model.input_shape[1:] == view.shape
    assert np.isfinite([float(result.accuracy) for result in run.results]).all()
    vectors = run.embedder.embed(photos)
    for source in (run.path, run.path / "embedder.keras", run.embedder.save("alone.keras")):
        again = fk.Embedder.load(source)
        assert again.view == view
        np.testing.assert_allclose(again.embed(photos), vectors, atol=5e-5)
        skipped = again.encode(photos, on_error="skip").vectors
        np.testing.assert_allclose(skipped, vectors, atol=5e-5)
    assert fk.Embedder.load(run.path).thresholds


def test_an_exported_file_sees_the_same(photos, tmp_path, monkeypatch):
    try:
        writers_of("onnx")
    except UserError as error:
        pytest.skip(str(error))
    import onnxruntime

    monkeypatch.chdir(tmp_path)
    view = View((48, 32), channels=1, aspect_ratio="pad")
    model = fk.create_embedder("FaceResNet10", input_shape=view.shape, embedding_dim=16)
    embedder = fk.Embedder(model, aspect_ratio="pad")
    assert embedder.view == view
    embedder.save("mine.keras")
    from framl_keras.data.decode import decode
    from framl_keras.data.inputs import input_images

    exported = fk.Embedder.load("mine.keras").export("mine.onnx", images=[str(photos)])

    pixels = np.stack([view.pixels(decode(sample)) for sample in input_images(photos)])
    session = onnxruntime.InferenceSession(exported.path)
    (found,) = session.run(None, {session.get_inputs()[0].name: pixels})
    np.testing.assert_allclose(found, embedder.embed(photos), atol=5e-5)
    assert exported.facts["aspect_ratio"] == "pad"
    assert "gray" in (tmp_path / "MODEL_CARD.md").read_text()
    assert "black borders" in (tmp_path / "MODEL_CARD.md").read_text()
