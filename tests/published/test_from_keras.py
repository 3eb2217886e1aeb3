"""Our own models, and what the command says about files that are none."""

import keras
import numpy as np
import pytest

from framl_keras.cli.group import main
from framl_keras.errors import UserError
from framl_keras.models import embedding_model
from framl_keras.published import import_weights

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def embedder():
    return embedding_model("IResNet10", 32, embedding_dim=8, final_scale=False)


def embeddings(model):
    return model.predict_on_batch(PIXELS)


def test_the_embedder_is_taken_out_of_a_larger_model(embedder, tmp_path):
    larger = keras.Model(embedder.input, keras.layers.Dense(3)(embedder.output))
    larger.save(tmp_path / "larger.keras")
    main_result = import_weights(tmp_path / "larger.keras").embedder
    np.testing.assert_allclose(embeddings(main_result), embeddings(embedder), rtol=1e-5)


def test_weights_alone_are_loaded(embedder, tmp_path):
    embedder.save_weights(tmp_path / "x.weights.h5")
    imported = import_weights(tmp_path / "x.weights.h5", "iresnet10", 32, embedding_dim=8)
    np.testing.assert_allclose(embeddings(imported.embedder), embeddings(embedder), rtol=1e-5)


def test_weights_of_another_network_are_refused(embedder, tmp_path):
    embedder.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(UserError, match=r"x.weights.h5: not the weights of IResNet10SE"):
        import_weights(tmp_path / "x.weights.h5", "iresnet10se", 32, embedding_dim=8)


def test_a_model_without_embedding_is_refused(tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")]).save(
        tmp_path / "x.keras"
    )
    with pytest.raises(UserError, match="a layer `representation`, found d"):
        import_weights(tmp_path / "x.keras")


def test_the_command_writes_an_embedder(embedder, tmp_path, capsys):
    embedder.save(tmp_path / "x.keras")
    with pytest.raises(SystemExit) as stop:
        main(["import-weights", str(tmp_path / "x.keras"), "-o", str(tmp_path / "y.keras")])
    assert stop.value.code == 0
    assert "Wrote" in capsys.readouterr().out
    written = keras.saving.load_model(tmp_path / "y.keras")
    np.testing.assert_allclose(embeddings(written), embeddings(embedder), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.pth", "--as", "iresnet50"], "No such weights: missing.pth"),
        ([__file__, "--as", "iresnet50"], "unknown kind of weights"),
        (["x.index", "--as", "iresnet5"], "No such weights: x.index"),
        ([__file__, "-o", "embedder.h5"], "ends with .keras"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["import-weights", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_network_is_named_with_a_near_one(tmp_path):
    (tmp_path / "x.pth").write_bytes(b"x")
    with pytest.raises(UserError, match="did you mean IResNet50"):
        import_weights(tmp_path / "x.pth", "iresnet_51")
