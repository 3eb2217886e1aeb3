"""Files for other runtimes: they give what Keras gives, or are not written."""

import errno
import importlib
import os
import re
import subprocess
from itertools import pairwise

import keras
import numpy as np
import pytest

from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.evaluation.embed import l2_normalized, mirror_fused
from framl_keras.export import (
    export,
    export_pair,
    export_similarity,
    open_exported,
    place,
    read_metadata,
)
from framl_keras.export.engine import A_JOB, Engine
from framl_keras.export.formats import FORMATS, writers_of
from framl_keras.export.parity import compare_with_keras
from framl_keras.export.place import run_exporter
from framl_keras.export.precision import lower
from framl_keras.export.verification import compare_verification
from framl_keras.layers.global_depthwise import GlobalDepthwiseConv
from framl_keras.models import fused
from framl_keras.models.precision import built_in
from framl_keras.runs.verification_sets import pair_sets_of
from framl_keras.similarities import get

EXPORT = importlib.import_module("framl_keras.export.export")
HEIGHT, WIDTH, CHANNELS = 12, 10, 3
RANDOM = [  # what many models of Keras' guides begin with; it must not be in a file
    keras.layers.RandomFlip("horizontal"),
    keras.layers.RandomRotation(0.1),
    keras.layers.RandomTranslation(0.1, 0.1),
    keras.layers.RandomContrast(0.2),
    keras.layers.GaussianNoise(0.1),
]


def can_write(format):
    """Whether what a format needs is installed; the error says what is not."""
    try:
        return writers_of(format)[0]
    except UserError:
        return None


def small_model(channels=CHANNELS):
    keras.utils.set_random_seed(0)
    pixels = keras.Input((HEIGHT, WIDTH, channels), name="pixels")
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(pixels)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(pixels, keras.layers.Dense(6)(keras.layers.Flatten()(x)), name="embedder")


def awkward_model():
    """A network of what exporters stumbled over."""
    keras.utils.set_random_seed(0)
    x = pixels = keras.Input((HEIGHT, WIDTH, CHANNELS), name="pixels")
    for change in RANDOM:
        x = change(x)
    x = keras.ops.divide(keras.ops.subtract(x, 127.5), 127.5)
    x = keras.ops.take(keras.ops.negative(x), list(range(CHANNELS)), axis=-1)
    x = keras.layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.3, 0.2, 0.1])(x)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same")(x)
    x = keras.layers.Activation("silu")(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(8, 3, padding="same", groups=4, activation="gelu")(x)
    x = keras.layers.RMSNormalization()(keras.layers.LayerNormalization()(x))
    x = GlobalDepthwiseConv()(keras.layers.Activation("hard_silu")(x))
    return keras.Model(pixels, keras.layers.Dense(6)(x), name="embedder")


def images(rng, count=5, channels=CHANNELS):
    return rng.integers(0, 256, size=(count, HEIGHT, WIDTH, channels), dtype=np.uint8)


def names_in(path):
    """Names and shapes of an ONNX file's inputs and outputs."""
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path))
    return [(value.name, value.shape) for value in (*session.get_inputs(), *session.get_outputs())]


def keras_gives(model, pixels):
    return l2_normalized(mirror_fused(model)(pixels))


def writable():
    """The formats that the running backend writes itself; one process costs seconds."""
    return [name for name in FORMATS if can_write(name) == keras.backend.backend()]


@pytest.mark.parametrize("format", writable())
def test_a_file_gives_fused_unit_vectors_of_pixels(format, tmp_path, rng):
    model, pixels = awkward_model(), images(rng)
    path = tmp_path / f"out/embedder{FORMATS[format].suffix}"

    exported = export(model, path, pixels, format, facts={"thresholds": {"cos": 0.5}})

    found = open_exported(path, format)(images(rng, 7))
    assert exported.parity.largest <= 1e-5
    assert found.shape == (7, 6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    if format == "onnx":
        assert names_in(path) == [
            ("pixels", ["batch", *pixels.shape[1:]]),
            ("embedding", ["batch", 6]),
        ]
    told = read_metadata(path)
    assert told["input"] == [HEIGHT, WIDTH, CHANNELS]
    assert told["thresholds"] == {"cos": 0.5}
    assert told["weights"] == exported.facts["weights"]
    card = (path.parent / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert re.search(r"at most|largest difference", card)
    left = {file.name for file in path.parent.iterdir()} - {path.name, "MODEL_CARD.md"}
    assert left <= {"embedder.bin"}


def test_the_fused_model_is_what_evaluation_sees(tmp_path, rng):
    model, pixels = small_model(), images(rng)
    fused(model).save(tmp_path / "fused.keras")

    loaded = keras.saving.load_model(tmp_path / "fused.keras")

    found = loaded.predict(pixels, verbose=0)
    np.testing.assert_allclose(found, keras_gives(model, pixels), atol=1e-6)


@pytest.mark.skipif("onnx" not in writable(), reason="needs onnx, onnxruntime and their writer")
class TestOnnx:
    def test_plain_gives_the_model_s_own_vectors(self, tmp_path, rng):
        model, pixels = small_model(channels=1), images(rng, channels=1)

        export(model, tmp_path / "plain.onnx", pixels, plain=True)

        found = open_exported(tmp_path / "plain.onnx", "onnx")(pixels)
        np.testing.assert_allclose(found, model.predict(pixels, verbose=0), rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_a_model_of_half_precision_is_written_in_float32(self, policy, tmp_path, rng):
        def within():
            return keras.Sequential([keras.Input((HEIGHT, WIDTH, CHANNELS)), small_model()])

        exact, pixels = within(), images(rng)
        with built_in(policy):
            model = within()
        model.set_weights(exact.get_weights())

        export(model, tmp_path / "half.onnx", pixels)
        export_pair(model, "cos", tmp_path / "pair.onnx", pixels)

        found = open_exported(tmp_path / "half.onnx", "onnx")(pixels)
        np.testing.assert_allclose(found, keras_gives(exact, pixels), atol=1e-5)
        assert np.abs(found - keras_gives(model, pixels)).max() > 1e-4
        assert read_metadata(tmp_path / "half.onnx")["trained_in"] == policy
        assert f"trained in {policy}" in (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
        assert Engine(model).chosen(A_JOB) == "keras"

    def test_a_file_that_differs_is_not_written(self, tmp_path, rng, monkeypatch):
        wrong = lambda pixels: np.ones((len(pixels), 6), np.float32) / 6**0.5  # noqa: E731
        monkeypatch.setattr(EXPORT, "run_exporter", lambda *_: None)
        monkeypatch.setattr(EXPORT, "open_exported", lambda *_: wrong)

        with pytest.raises(UserError, match="differ from Keras' by"):
            export(small_model(), tmp_path / "out.onnx", images(rng))
        assert not list(tmp_path.iterdir())

    def test_a_similarity_is_a_file_of_two_inputs(self, tmp_path, rng):
        path = export_similarity("ssim", 9, tmp_path / "ssim.onnx")

        a, b = np.float32(rng.normal(size=(2, 4, 9)))
        assert open_exported(path, "onnx")(a, b).shape == (4,)
        assert read_metadata(path)["similarity"] == "ssim"

    @pytest.mark.parametrize("name", ["cos", "fft_corr"])
    def test_a_pair_model_compares_two_batches_of_images(self, name, tmp_path, rng):
        model, pixels, path = small_model(), images(rng, 6), tmp_path / "pair.onnx"
        thresholds = {"thresholds": {"cos": 0.5, "ssim": 0.25}}

        parity = export_pair(model, name, path, pixels, facts=thresholds)

        assert parity.largest <= 1e-5
        assert [shape for _, shape in names_in(path)] == [["batch", *pixels.shape[1:]]] * 2 + [
            ["batch"]
        ]
        left, right = keras_gives(model, pixels)[:3], keras_gives(model, pixels)[3:]
        expected = 1 - get(name).distances(left, right)
        np.testing.assert_allclose(
            open_exported(path, "onnx")(pixels[:3], pixels[3:]), expected, atol=1e-5
        )
        assert read_metadata(path)["thresholds"] == ({"cos": 0.5} if name == "cos" else {})
        assert f"under `{name}`" in (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")

    @pytest.mark.parametrize("fault", ["weights", "channels", "preprocessing"])
    def test_a_file_of_another_model_is_not_written(self, fault, tmp_path, rng, monkeypatch):
        def write(arguments, *where):
            model = keras.saving.load_model(arguments[0])
            ALTERED[fault](model).save(arguments[0])
            run_exporter(arguments, *where)

        monkeypatch.setattr(EXPORT, "run_exporter", write)
        with pytest.raises(UserError, match=r"differ from Keras' by .*Nothing was written"):
            export(small_model(), tmp_path / "out.onnx", images(rng))
        assert not list(tmp_path.iterdir())

    def test_int8_leaves_ever_more_layers_in_float32_and_is_not_kept_if_none_passes(
        self, tmp_path, rng
    ):
        pytest.importorskip("onnxruntime.quantization")
        path, pixels = tmp_path / "out.onnx", images(rng, 8)
        export(small_model(), path, pixels)
        rounded = []

        def gate():
            nodes = importlib.import_module("onnx").load(str(path)).graph.node
            rounded.append(sum(node.op_type == "DequantizeLinear" for node in nodes))
            raise UserError("val: loses 1.00 percentage points.")

        with pytest.raises(UserError, match=r"loses 1\.00 .* No int8 file is kept"):
            lower(path, "onnx", "int8", pixels, gate)
        assert len(rounded) == 4
        assert sorted(rounded, reverse=True) == rounded
        assert rounded[0] > rounded[-1]

    def test_another_writer_is_tried_where_one_fails(self, tmp_path, rng, monkeypatch):
        (here, *_), run, asked = writers_of("onnx"), place.run_writer, []

        def fails_first(arguments, environment):
            asked.append(environment["KERAS_BACKEND"])
            if len(asked) == 1:
                return subprocess.CompletedProcess([], 1, "", "NotImplementedError: no such node")
            return run(arguments, {**environment, "KERAS_BACKEND": here})

        monkeypatch.setattr(place, "run_writer", fails_first)
        monkeypatch.setattr(EXPORT, "writers_of", lambda _: ["first", "second"])

        assert export(small_model(), tmp_path / "a.onnx", images(rng)).parity.largest <= 1e-5
        assert asked == ["first", "second"]
        asked.clear()
        monkeypatch.setattr(EXPORT, "writers_of", lambda _: ["first"])
        with pytest.raises(UserError, match="on first: NotImplementedError: no such node"):
            export(small_model(), tmp_path / "b.onnx", images(rng))

    @pytest.mark.parametrize("is_within", [False, True])
    def test_layers_of_the_user_s_own_are_named_or_their_module_is(self, is_within, tmp_path, rng):
        @keras.saving.register_keras_serializable("mine")
        class Mine(keras.layers.Layer):
            def call(self, x):
                return x * 2

        pixels = keras.Input((HEIGHT, WIDTH, CHANNELS))
        model = keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(Mine()(pixels))))
        if is_within:  # Keras says much more then
            model = keras.Sequential([keras.Input(pixels.shape[1:]), model, keras.layers.Dense(2)])

        with pytest.raises(UserError, match=r"onnx could not .* made of Mine\b.*--import"):
            export(model, tmp_path / "own.onnx", images(rng))
        assert not list(tmp_path.iterdir())


def reweighted(model):
    model.layers[-1].kernel.assign(model.layers[-1].kernel * (1 + 0.01 * (np.arange(6) % 2)))
    return model


def seeing(change):
    """A model whose input is changed before it, as a wrong exporter would."""

    def altered(model):
        pixels = keras.Input(model.input_shape[1:], name="pixels")
        return keras.Model(pixels, model(change(pixels)))

    return altered


ALTERED = {
    "weights": reweighted,
    "channels": seeing(lambda pixels: keras.ops.flip(pixels, axis=-1)),
    "preprocessing": seeing(keras.layers.Rescaling(0.5, 64)),
}


def test_a_file_that_verifies_worse_is_refused(rng):
    shots = [images(rng, 1)[0] for _ in range(20)]
    triples = [(a, a, True) for a in shots] + [(a, b, False) for a, b in pairwise(shots)]
    (pairs,) = pair_sets_of(triples)
    model = small_model()

    def as_it_is(pixels):
        return keras_gives(model, pixels)

    def noisy(pixels):
        return as_it_is(pixels) + rng.normal(size=(len(pixels), 6))

    told = compare_verification(as_it_is, model, pairs, View((HEIGHT, WIDTH)))
    assert told.accuracy == (1.0, 1.0)
    assert told.other_verdicts == 0
    with pytest.raises(UserError, match=r"pairs: the exported file loses .*Expected 0\.2 at most"):
        compare_verification(noisy, model, pairs, View((HEIGHT, WIDTH)))


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def said(*_, **__):
    return subprocess.CompletedProcess([], 1, "", "OSError: [Errno 28] No space left on device")


FULL = {"Keras": (keras.Model, "save", full), "the exporter": (place, "run_writer", said)}


@pytest.mark.parametrize("who", FULL)
def test_a_full_disk_is_one_line_and_leaves_nothing(who, tmp_path, rng, monkeypatch):
    monkeypatch.setattr("framl_keras.export.formats._is_installed", lambda module: True)
    monkeypatch.setattr(*FULL[who])

    with pytest.raises(UserError, match=r"No space left on device\. Make room and export again"):
        export(small_model(), tmp_path / "model.onnx", images(rng))
    assert not list(tmp_path.iterdir())


FAULTS = {
    "weights altered by 1 %": lambda gives: lambda pixels: gives(pixels, 1.01),
    "channels swapped": lambda gives: lambda pixels: gives(pixels[..., ::-1]),
    "other preprocessing": lambda gives: lambda pixels: gives(pixels / 2 + 64),
    "not mirrored": lambda gives: lambda pixels: gives(pixels, mirrored=False),
    "not finite": lambda gives: lambda pixels: gives(pixels) * np.nan,
    "one batch for all": lambda gives: lambda pixels: gives(pixels[:1]),
    "not of unit length": lambda gives: lambda pixels: 2 * gives(pixels),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_gate_refuses(fault, rng):
    weights = rng.normal(size=(HEIGHT * WIDTH * CHANNELS, 6)) / 1000
    pixels = images(rng)

    def gives(x, factor=1.0, mirrored=True):
        changed = weights.copy()
        changed[::2] *= factor
        both = [x, x[:, :, ::-1]] if mirrored else [x]
        return l2_normalized(sum(each.reshape(len(x), -1) @ changed for each in both))

    expected = gives(pixels)
    assert compare_with_keras(gives, pixels, expected).largest <= 1e-12
    with pytest.raises(UserError, match="Nothing was written"):
        compare_with_keras(FAULTS[fault](gives), pixels, expected)


REFUSED = {
    "unknown format": ({"format": "onx"}, "Unknown format 'onx'"),
    "wrong suffix": ({"output": "model.txt"}, r"ends with \.onnx"),
    "images of another size": ({"pixels": np.zeros((2, 5, 5, 3), np.uint8)}, "Images of shape"),
    "float images": ({"pixels": np.zeros((2, HEIGHT, WIDTH, 3))}, "and type float64"),
    "unknown precision": ({"precision": "int4"}, "Unknown precision 'int4'"),
    "precision that no tool makes": (
        {"format": "torch", "output": "model.pt", "precision": "float16"},
        "torch is not made in float16. Expected one of onnx",
    ),
    "int8 without pairs": ({"precision": "int8"}, "int8 needs a verification set"),
    "no images": ({"pixels": np.zeros((0, HEIGHT, WIDTH, 3), np.uint8)}, "one at least"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_exported_is_said_before_any_work(kind, tmp_path, rng, monkeypatch):
    monkeypatch.setattr("framl_keras.export.formats._is_installed", lambda module: True)
    monkeypatch.setattr(place, "run_writer", None)
    changes, message = REFUSED[kind]
    given = {"output": "model.onnx", "pixels": images(rng), **changes}
    given["output"] = tmp_path / given["output"]

    with pytest.raises(UserError, match=message):
        export(small_model(), **given)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_not_installed_is_named_with_the_pip_line(format, monkeypatch):
    monkeypatch.setattr("framl_keras.export.formats._is_installed", lambda module: False)

    with pytest.raises(UserError, match=rf"Export to {format} needs .*pip install"):
        writers_of(format)
