"""One line of Python for what people want, on every backend; each block is what the docs say."""

import json
import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest

import framl_keras as fk
from framl_keras.errors import UserError

SIZE = 16


def faces_in(folder, identities=6, images=5, seed=0):
    rng = np.random.default_rng(seed)
    for person in range(identities):
        face = rng.integers(40, 216, (SIZE, SIZE, 3))
        (folder / f"p{person}").mkdir(parents=True)
        for number in range(images):
            pixels = np.clip(face + rng.normal(0, 20, face.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"p{person}" / f"{number}.png"), pixels)
    return folder


def projection(dim=12, seed=3):
    keras.utils.set_random_seed(seed)
    pixels = keras.Input((SIZE, SIZE, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    return keras.Model(pixels, keras.layers.Dense(dim)(keras.layers.Flatten()(scaled)))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return faces_in(tmp_path_factory.mktemp("data") / "faces")


@pytest.fixture(scope="module")
def embedder():
    return fk.Embedder(projection())


def fused(model, image):
    """The vector by a plain loop in float64, from the saved kernel alone."""
    kernel, bias = (keras.ops.convert_to_numpy(w).astype(float) for w in model.weights)
    sides = [image / 127.5 - 1, image[:, ::-1] / 127.5 - 1]
    return sum(side.ravel() @ kernel + bias for side in sides)


@pytest.mark.parametrize("is_fused", [True, False])
@pytest.mark.parametrize("is_normalized", [True, False])
def test_embed_is_fused_and_of_unit_length_unless_told_otherwise(
    faces, embedder, is_fused, is_normalized
):
    path = faces / "p0" / "0.png"
    image = cv2.imread(str(path))[:, :, ::-1]
    symmetric = image if is_fused else None

    (vector,) = embedder.embed(path, fused=is_fused, normalize=is_normalized)

    expected = fused(embedder.model, image)
    if symmetric is None:
        kernel, bias = (keras.ops.convert_to_numpy(w).astype(float) for w in embedder.model.weights)
        expected = (image / 127.5 - 1).ravel() @ kernel + bias
    if is_normalized:
        expected = expected / np.linalg.norm(expected)
    np.testing.assert_allclose(vector, expected, rtol=1e-4, atol=1e-4)


def test_embed_takes_mixtures_and_generators_alike(faces, embedder):
    path = faces / "p0" / "0.png"
    image = cv2.imread(str(path))[:, :, ::-1]
    mixed = [path, str(path), path.read_bytes(), image, image.astype("float32")]

    vectors = embedder.embed(iter(mixed), batch_size=2)

    np.testing.assert_allclose(vectors, np.stack([vectors[0]] * 5), atol=1e-6)


def test_compare_says_same_with_distance_threshold_and_probability(faces, embedder):
    calibrations = embedder.calibrate(fk.data.open(faces).source, far=0.05)

    same = embedder.compare(faces / "p0" / "0.png", faces / "p0" / "1.png")
    other = embedder.compare(faces / "p0" / "0.png", faces / "p1" / "1.png", ["ssim"])

    assert same.same is True
    assert other.same is False
    assert same.distance < same.threshold == calibrations["cos"].threshold
    assert same.far == 0.05
    assert same.probability > 0.5 > other.probability
    assert other.distance == other["ssim"].distance
    assert next(iter(same)).similarity == "cos"
    with pytest.raises(UserError, match="'cos' was not compared"):
        other["cos"]


def test_one_file_is_enough(faces, embedder, tmp_path):
    embedder.calibrate(fk.data.open(faces).source, far=0.05, similarities="cos")
    fk.Embedder(embedder.model, True, {"diff": 0.7}, {"cos": embedder.calibrations["cos"]}).save(
        tmp_path / "one.keras"
    )

    loaded = fk.Embedder.load(tmp_path / "one.keras")

    assert loaded.view.central_crop
    assert loaded.thresholds == {"diff": 0.7}
    assert loaded.calibrations == {"cos": embedder.calibrations["cos"]}
    assert loaded.compare(faces / "p0" / "0.png", faces / "p0" / "1.png").same
    plain = keras.saving.load_model(tmp_path / "one.keras")
    assert plain.output_shape == (None, 12)


def test_thresholds_of_other_weights_are_not_believed(embedder, tmp_path):
    facts = {"thresholds": {"cos": 0.5}, "weights": "of another model"}
    fk.Embedder(embedder.model, facts=facts).save(tmp_path / "a.keras")
    saved = fk.Embedder.load(tmp_path / "a.keras")
    assert saved.thresholds == {}


def test_identify_names_strangers_and_scores(faces, tmp_path, embedder):
    strangers = faces_in(tmp_path / "strangers", 1, 1, seed=9)
    probes = [faces / "p2" / "4.png", strangers / "p0" / "0.png"]
    gallery = {name: faces / name / "0.png" for name in ("p0", "p1", "p2")}
    known = fk.Embedder(embedder.model, thresholds={"cos": 0.4})

    matches = known.identify(gallery, probes, top=2)

    assert matches.who == ["p2", None]
    assert [row["rank"] for row in matches.rows()] == [1, 2, 1, 2]
    assert matches.rates is None
    lines = matches.to_csv(tmp_path / "who.csv").splitlines()
    assert lines[0] == "probe,rank,identity,value,distance,verdict"
    assert lines[1].split(",")[2] == "p2"


def test_identify_has_rates_where_identities_are_known(faces, embedder):
    matches = embedder.identify(faces, faces)

    assert len(matches) == 30
    assert matches.rates.rank(1) == 1.0


def test_evaluate_an_embedder_on_what_people_have(faces, embedder, tmp_path):
    a, b, c = faces / "p0" / "0.png", faces / "p0" / "1.png", faces / "p1" / "1.png"
    triples = [(a, b, True), (a, c, False)] * 10

    by_triples = fk.evaluate(embedder, triples, ["cos", "ssim"], protocol="both", bootstrap=0)
    by_model = fk.evaluate(embedder.model, fk.data.open(faces).source, bootstrap=0)

    assert len(by_triples) == 6  # two similarities and raw pixels, under two protocols
    assert by_triples[0].accuracy == 1.0
    assert by_model[0].accuracy > 0.9
    assert by_triples.report(tmp_path / "out", plots=False).is_file()
    assert json.loads(json.dumps(by_triples.to_dict()))["results"][0]["accuracy"]["mean"] == 1.0
    assert by_triples.to_csv().count("\n") == 7
    assert by_triples.to_markdown().startswith("| set | source |")
    assert r"\toprule" in by_triples.to_latex()
    assert "<table>" in by_triples._repr_html_()


@pytest.mark.parametrize(
    "pairs",
    [
        lambda same: same,
        lambda same: (np.arange(80).reshape(-1, 2), same),
        lambda same: {"identities": np.arange(80) // 4},
    ],
    ids=["answers", "pairs and answers", "identities"],
)
def test_evaluate_ready_vectors(pairs):
    rng = np.random.default_rng(0)
    same = np.arange(40) % 2 == 0
    vectors = rng.normal(size=(80, 8))
    vectors[1::2][same] = vectors[0::2][same] + 0.01

    results = fk.evaluate(vectors, pairs(same), bootstrap=0)

    assert results[0].verification.similarity == "cos"


WRONG = {
    "vectors without pairs": (lambda: fk.evaluate(np.ones((4, 2))), TypeError, "need pairs"),
    "answers too few": (lambda: fk.evaluate(np.ones((4, 2)), [True]), UserError, "do not fit"),
    "similarity": (lambda: fk.evaluate(np.ones((4, 2)), [1, 0], "cosin"), UserError, "cosin"),
    "protocol": (lambda: fk.evaluate(np.ones((4, 2)), [1, 0], protocol="x"), UserError, "'x'"),
    "pairs": (lambda: fk.evaluate(projection(), 3), TypeError, "pairs=3"),
    "no run": (lambda: fk.Embedder.load("nowhere"), UserError, "nowhere"),
    "hub name": (lambda: fk.Embedder.load("hf://user"), UserError, "hf://user/name"),
    "mode": (lambda: fk.train("quickstart", mode="fast"), ValueError, "mode='fast'"),
    "recipe": (lambda: fk.train(3), TypeError, "Received: int"),
    "recipe's name": (lambda: fk.train("quikstart"), UserError, "quickstart"),
    "key": (lambda: fk.train("quickstart", {"train.epoch": 3}), UserError, "did you mean `epochs`"),
    "value": (lambda: fk.train("quickstart", {"train.epochs": -3}), UserError, "train.epochs"),
    "shape": (lambda: fk.create_embedder("IResNet18", (112, 112)), ValueError, r"\(112, 112\)"),
    "channels": (lambda: fk.create_embedder("IResNet18", (8, 8, 4)), ValueError, "input_shape"),
    "backbone": (lambda: fk.create_embedder("IResNet51"), UserError, "IResNet50"),
    "far": (lambda: fk.Embedder(projection()).calibrate([], far=0), ValueError, "far"),
    "far pairs": (lambda: fk.Embedder(projection()).calibrate([]), TypeError, "pairs"),
    "file's name": (lambda: fk.Embedder(projection()).save("x.h5"), UserError, ".keras"),
    "data": (lambda: fk.data.open("nowhere"), UserError, "nowhere"),
    "no data": (lambda: fk.data.open(3), TypeError, "int"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_one_line(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, error, message = WRONG[kind]

    with pytest.raises(error, match=message) as raised:
        call()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(32, 24, 3), (32, 32, 1)])
def test_create_embedder_takes_shapes_and_gray(shape):
    model = fk.create_embedder("FaceResNet10", shape, embedding_dim=8)

    assert model.output_shape == (None, 8)
    assert isinstance(model, keras.Model)
    assert tuple(model(np.zeros((2, *shape), "uint8")).shape) == (2, 8)


def test_lists_go_by_patterns():
    assert "IResNet50" in fk.list_backbones("iresnet*")
    assert fk.list_margins("cos*") == ["CosFace"]
    assert fk.list_similarities()[:2] == ["diff", "cos"]


def test_data_batches_are_a_function_of_the_seed(faces):
    data = fk.data.open(faces)

    first, again = (next(data.batches(8, size=16, seed=5)) for _ in range(2))
    third = data.batches(8, size=16, seed=5)
    from_third = data.batches(8, size=16, seed=5, start=2)
    next(third), next(third)

    assert first[0].tolist() == again[0].tolist()
    assert next(third)[1].tolist() == next(from_third)[1].tolist()
    plain, _ = next(data.batches(4, size=SIZE, augment=False))
    files = [cv2.imread(str(faces / f"p{label}" / f"{n}.png"))[:, :, ::-1].tolist()
             for label in range(6) for n in range(5)]  # fmt: skip
    assert plain[0].tolist() in files


def test_data_convert_check_and_audit(faces, tmp_path):
    written = fk.data.convert(faces, tmp_path / "f.tfrecord", seed=1)
    assert written.records == len(fk.data.open(tmp_path / "f.tfrecord")) == 30
    leaked = fk.data.audit(tmp_path / "f.tfrecord", faces)
    assert leaked.leaked == 30


def test_train_gives_a_run(faces, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    recipe = {
        "name": "small",
        "data": {
            "train": str(faces),
            "people": [1, 3],
            "test": "held-out",
            "image_size": [20, SIZE],
            "augment": {"resize_to": [22, 18]},
        },
        "model": {"backbone": "FaceResNet10", "embedding_dim": 8, "scale": 16},
        "train": {"epochs": 1, "batch_size": 5, "log_every": 1},
    }

    run = fk.train(recipe, {"train.epochs": 2}, callbacks=[Watch()], name="renamed")

    assert run.path.as_posix() == "runs/renamed"
    assert seen == [0, 1]
    assert len(run.history["loss"]) == 6
    assert (run.embedder.dim, run.embedder.image_size) == (8, (20, SIZE))
    assert run.embedder.model.input_shape == (None, 20, SIZE, 3)
    assert len(run.results) == 7  # six similarities and raw pixels
    assert run.embedder.step == 6
    assert fk.Run().path == run.path
    assert fk.Embedder.load().compare(faces / "p4" / "0.png", faces / "p4" / "1.png").threshold
    tested = fk.compare_runs(similarities=["cos", "ssim"])
    assert "McNemar" in str(tested)


def test_recipes_name_things_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "my_backbones.py").write_text(
        "import keras, framl_keras as fk\n"
        "@fk.backbones.register('MyNet', replace=True)\n"
        "def build(input_shape, weights=None):\n"
        "    pixels = keras.Input(input_shape)\n"
        "    return keras.Model(pixels, keras.layers.Conv2D(4, 3)(pixels))\n",
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    content = {
        "name": "own",
        "imports": ["my_backbones"],
        "data": {"train": "orl"},
        "model": {"backbone": "MyNet"},
    }

    assert fk.Recipe.from_content(content, "here").model.backbone == "MyNet"
    assert fk.create_embedder("MyNet", (16, 16, 3), 4).output_shape == (None, 4)
    with pytest.raises(ValueError, match="already"):
        fk.backbones.register("MyNet", lambda shape, weights=None: None)


def test_verify_and_stop_at_nan_in_any_fit(faces):
    model = projection(4)
    head = keras.Sequential([model, keras.layers.Dense(3)])
    head.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = np.zeros((6, SIZE, SIZE, 3), "float32"), np.arange(6) % 3
    verify = fk.callbacks.Verify(model, fk.data.open(faces).source, every=2)

    done = head.fit(images, labels, epochs=4, verbose=0, callbacks=[verify])

    assert len(verify.history["val_pairs_cos_accuracy"]) == 2
    assert len(done.history["val_pairs_cos_accuracy"]) == 3
    images[0] = np.nan
    with pytest.raises(FloatingPointError, match="Epoch 1, step 1: the loss is nan"):
        head.fit(images, labels, verbose=0, callbacks=[fk.callbacks.StopAtNaN()])


def test_embedders_come_from_the_hub(embedder, tmp_path, monkeypatch):
    class Hub:
        @staticmethod
        def snapshot_download(name, revision, allow_patterns):
            if name == "user/gone":
                raise RuntimeError("404\nnot found")
            assert (name, revision) == ("user/name", "v1")
            return str(tmp_path)

    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub)
    embedder.save(tmp_path / "any.keras")

    assert fk.Embedder.load("hf://user/name@v1").dim == 12
    with pytest.raises(UserError, match="hf://user/gone: cannot be fetched: 404 not found"):
        fk.Embedder.load("hf://user/gone")


def test_the_hub_is_asked_for_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"huggingface_hub.*pip install"):
        fk.Embedder.load("hf://user/name")


def test_help_and_tab_are_readable():
    import pydoc

    text = pydoc.plain(pydoc.render_doc(fk))

    assert "Embedder" in text.split("PACKAGE CONTENTS")[0]
    assert {"Embedder", "train", "evaluate", "backbones", "data"} <= set(dir(fk))
    assert not [name for name in dir(fk) if name.startswith("_") and name != "__version__"]
    for name in fk.__all__:
        assert getattr(fk, name) is not None
        assert name == "__version__" or getattr(fk, name).__doc__


def test_importing_is_light():
    code = (
        "import sys, framl_keras as fk\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'numpy', 'cv2', 'grain', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
