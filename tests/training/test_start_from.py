"""Fine-tuning: what is taken, what is new, what is frozen."""

import shutil

import keras
import numpy as np
import pytest
from test_train import changed, final_state

from framl_keras.data.decode import decode
from framl_keras.data.view import View
from framl_keras.errors import UserError
from framl_keras.models import freeze, network_of
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.train import build_models, open_training_source, train


def weights(layer):
    return [np.array(value) for value in layer.get_weights()]


def built(recipe, people=(1, 3), **model_keys):
    recipe = changed(recipe, model=model_keys, data={"people": list(people)})
    return build_models(recipe, open_training_source(recipe), total_steps=4)


def assert_equal(left, right):
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def once():
    """What is trained once for all tests."""
    return {}


@pytest.fixture
def first(recipe, once, tmp_path_factory):
    """A finished run on people 1 to 3, in `runs/first`."""
    if not once:
        run = RunDirectory(tmp_path_factory.mktemp("once") / "first")
        once["trained"] = train(changed(recipe, train={"epochs": 1}), run)
        once["trained"].embedder.save_weights(run.path / "whole.weights.h5")
    shutil.copytree(once["trained"].run.path, "runs/first")
    return once["trained"]


STEP = "checkpoints/step-000000002.ckpt"


@pytest.mark.parametrize("file", ["", "embedder.keras", "whole.weights.h5", STEP])
def test_an_embedder_starts_from_a_run_or_a_file(recipe, first, file):
    embedder, _ = built(recipe, init=f"runs/first/{file}")
    assert_equal(weights(embedder), weights(first.embedder))


def test_weights_of_the_network_alone_are_not_drawn_over(recipe, first, monkeypatch):
    from framl_keras import backbones

    trained = weights(network_of(first.embedder))

    def build(shape, weights=None):
        network = tiny.build(shape)
        network.set_weights(trained) if weights else None
        return network

    tiny = backbones.get(recipe.model.backbone)
    monkeypatch.setattr(backbones, "get", lambda name: tiny._replace(build=build))
    embedder, _ = built(recipe, weights="imagenet")
    other, _ = built(recipe, weights=None)
    assert_equal(weights(network_of(embedder)), trained)
    assert np.abs(weights(network_of(other))[0] - trained[0]).max() > 0.01
    assert_equal(
        weights(embedder.get_layer("representation")), weights(other.get_layer("representation"))
    )


@pytest.mark.parametrize("head", [{"head": "softmax"}, {"sub_centers": 2}])
def test_identities_that_a_run_knows_keep_their_centers(recipe, head):
    train(changed(recipe, train={"epochs": 1}, model=head), RunDirectory("runs/first"))
    old = final_state(RunDirectory("runs/first"))["model/head/kernel"]
    (_, model), (_, fresh) = (
        built(recipe, people=(2, 5), init=init, **head) for init in ("runs/first", None)
    )
    kernel, drawn = weights(model.get_layer("head"))[0], weights(fresh.get_layer("head"))[0]
    if "head" in head:
        old, kernel, drawn = old.T, kernel.T, drawn.T
    for block in range(len(old) // 3):  # one for each sub-center
        now = slice(4 * block, 4 * block + 4)
        np.testing.assert_array_equal(kernel[now][:2], old[3 * block + 1 : 3 * block + 3])
        np.testing.assert_array_equal(kernel[now][2:], drawn[now][2:])


def test_centers_of_another_head_are_left(recipe, first):
    for head in ({"sub_centers": 3}, {"head": "softmax"}):
        (_, model), (_, fresh) = (built(recipe, init=init, **head) for init in ("runs/first", None))
        assert_equal(weights(model.get_layer("head")), weights(fresh.get_layer("head")))


@pytest.mark.parametrize("sub_centers", [1, 2])
def test_new_identities_may_begin_at_the_mean_of_their_images(recipe, first, sub_centers):
    options = {"init": "runs/first/embedder.keras", "sub_centers": sub_centers}
    embedder, model = built(recipe, people=(4, 5), new_centers="mean", **options)
    _, fresh = built(recipe, people=(4, 5), **options)
    source = open_training_source(changed(recipe, data={"people": [4, 5]}))
    units = [[], []]
    for sample in map(source.__getitem__, range(len(source))):
        pixels = View(16).pixels(decode(sample))
        both = embedder.predict(np.stack([pixels, pixels[:, ::-1]]), verbose=0).sum(0)
        units[sample.label].append(both / np.linalg.norm(both))
    kernel, drawn = (weights(m.get_layer("head"))[0] for m in (model, fresh))
    for label in (0, 1):
        mean = np.mean(units[label], axis=0)
        expected = mean / np.linalg.norm(mean) * np.linalg.norm(drawn[label])
        np.testing.assert_allclose(kernel[label], expected, atol=1e-5)
    np.testing.assert_array_equal(kernel[2:], drawn[2:])


@pytest.mark.parametrize(
    ("patterns", "frozen"),
    [
        ("backbone", {"conv/kernel", "conv/bias", "norm/gamma", "norm/moving_mean"}),
        (["c*", "head"], {"conv/kernel", "conv/bias", "head/kernel"}),
    ],
)
def test_frozen_layers_do_not_change(recipe, patterns, frozen):
    recipe = changed(recipe, model={"freeze": patterns}, train={"epochs": 1})
    _, model = build_models(recipe, open_training_source(recipe), total_steps=2)
    before = {variable.path: np.array(variable) for variable in model.variables}
    train(recipe, RunDirectory("runs/tiny"))
    after = final_state(RunDirectory("runs/tiny"))
    names = ("conv/kernel", "conv/bias", "norm/gamma", "norm/moving_mean", "head/kernel")
    same = {name for name in names if np.array_equal(after[f"model/{name}"], before[name])}
    assert same == frozen


def test_a_run_goes_on_without_what_it_started_from(recipe, first):
    recipe = changed(recipe, model={"init": "runs/first"}, train={"epochs": 1})
    source = open_training_source(recipe)
    gone = changed(recipe, model={"init": "runs/gone"})
    build_models(gone, source, total_steps=2, fresh=False)
    with pytest.raises(UserError, match=r"model\.init: no such run or file: runs/gone"):
        build_models(gone, source, total_steps=2)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"init": "embedder.pth"}, "are converted with: framl-keras import-weights"),
        ({"init": "text.keras"}, "text.keras: not a model that Keras can load"),
        ({"freeze": ["cnv*"]}, "no layer with weights is called 'cnv\\*'. Expected names such as"),
        ({"freeze": ["*"]}, "leave nothing to train"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(recipe, keys, message, tmp_path):
    for name in ("embedder.pth", "text.keras"):
        (tmp_path / name).write_text("nothing")
    with pytest.raises(UserError, match=message) as error:
        built(recipe, **keys)
    assert "\n" not in str(error.value)


def test_another_network_is_refused(recipe, tmp_path):
    pixels = keras.Input((16, 16, 3))
    network = keras.Sequential([keras.layers.Flatten()], name="other")
    keras.Model(pixels, network(pixels)).save(tmp_path / "other.keras")
    with pytest.raises(UserError, match=r"expected the network tiny, found .*other"):
        built(recipe, init="other.keras")


def test_a_new_embedding_length_starts_the_representation_anew(recipe, first):
    embedder, _ = built(recipe, init="runs/first", embedding_dim=6)
    assert_equal(weights(network_of(embedder)), weights(network_of(first.embedder)))
    assert embedder.output_shape == (None, 6)


def test_freezing_reaches_nested_layers_by_name():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="deep")], name="net")
    model = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1, name="top")])
    freeze(model, ["deep"])
    assert [variable.path.split("/")[-2] for variable in model.trainable_variables] == ["top"] * 2
