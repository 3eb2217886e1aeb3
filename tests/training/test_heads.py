"""Every head trains from a recipe, in both modes, and its state is in the checkpoint."""

import numpy as np
import pytest
from keras import ops
from small_runs import (
    assert_modes_agree,
    assert_same_state,
    changed,
    ctrl_c_during,
    final_state,
)

from framl_keras import margins
from framl_keras.errors import UserError
from framl_keras.recipe import MARGINS
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.train import build_models, open_training_source, train

LOSSES = {
    "smoothed": {"label_smoothing": 0.1},
    "balanced": {"class_weight": "balanced"},
    "smoothed, one weighs more": {"label_smoothing": 0.1, "class_weight": {"person 2": 3.0}},
}
PARTIAL = {"sample_rate": 0.8, "sub_centers": 2, "margin": {"name": "CurricularFace"}}
HEADS = {
    "AdaFace": {"margin": {"name": "AdaFace"}},
    "MagFace": {"margin": {"name": "MagFace", "shortest": 0.1, "longest": 9.0}},
    "ElasticFaceArc": {"margin": {"name": "ElasticFaceArc", "deviation": 0.1}},
    "DynamicMargin": {"margin": {"name": "DynamicMargin", "decay": 0.5}},
    "sub-centers": {"sub_centers": 2, "interclass_filter": 0.5, "backward": "straight_through"},
    "Partial FC": PARTIAL,
}


def with_head(recipe, head, **train_keys):
    return changed(
        recipe,
        model=head,
        data={"people": [1, 5]},
        train={"batch_size": 4, "epochs": 1, "verify_every": 0, **train_keys},
    )


@pytest.mark.parametrize("name", HEADS)
def test_both_modes_train_a_head_the_same(recipe, name):
    recipe = with_head(recipe, HEADS[name])
    for mode in ("fit", "eager"):
        train(recipe, RunDirectory(f"runs/{mode}"), mode)
    assert_modes_agree(*(final_state(RunDirectory(f"runs/{mode}")) for mode in ("fit", "eager")))


@pytest.mark.parametrize("head", ["arcface", "softmax"])
@pytest.mark.parametrize("name", LOSSES)
def test_so_with_smoothed_labels_and_weights(recipe, name, head):
    recipe = with_head(recipe, {"head": head}, **LOSSES[name])
    for mode in ("fit", "eager"):
        train(recipe, RunDirectory(f"runs/{mode}"), mode)
    assert_modes_agree(*(final_state(RunDirectory(f"runs/{mode}")) for mode in ("fit", "eager")))


@pytest.mark.parametrize("head", ["arcface", "softmax"])
@pytest.mark.parametrize("name", LOSSES)
def test_they_reach_the_loss_of_either_head(recipe, name, head, rng):
    recipe = with_head(recipe, {"head": head, "margin": 0.0, "dropout": 0.0}, **LOSSES[name])
    source = open_training_source(recipe)
    embedder, model = build_models(recipe, source, total_steps=10)
    pixels = rng.uniform(0, 255, (4, *embedder.input_shape[1:])).astype("float32")
    labels = np.array([0, 2, 4, -1])

    found = ops.convert_to_numpy(model([pixels, labels])["losses"])

    layer = model.get_layer("head")
    logits = np.float64(ops.convert_to_numpy(layer(embedder(pixels))))
    smoothing = recipe.train.label_smoothing
    wanted = (1 - smoothing) * np.eye(5)[labels] + smoothing / 5
    losses = -(wanted * (logits - np.log(np.exp(logits).sum(1, keepdims=True)))).sum(1)
    sizes = np.bincount(source.labels, minlength=5)
    weight = {"smoothed": [1.0] * 5, "balanced": sizes.sum() / (5 * sizes)}
    weights = np.array(weight.get(name, [1.0, 1.0, 3.0, 1.0, 1.0]))[labels] * (labels >= 0)
    np.testing.assert_allclose(found, losses * weights / 0.75, rtol=1e-4, atol=1e-4)


def test_a_weight_of_nobody_is_named(recipe):
    recipe = with_head(recipe, {}, class_weight={"Ada": 2.0})
    with pytest.raises(UserError, match=r"train\.class_weight: no identity is called 'Ada'"):
        train(recipe, RunDirectory("runs/tiny"))


def test_a_head_with_state_goes_on_to_the_very_same_end(recipe):
    recipe = with_head(recipe, PARTIAL, schedule={"name": "cosine", "warmup": 0.2})
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight)
    with ctrl_c_during(3):
        assert train(recipe, stopped).interrupted
    train(recipe, stopped)
    state = final_state(stopped)
    assert_same_state(state, final_state(straight))
    assert state["model/head/steps"] == 10
    assert state["model/head/progress"] != 0


def test_the_recipe_lists_the_margins_with_their_own_defaults():
    assert list(MARGINS) == margins.names()
    for name, section in MARGINS.items():
        given = section(name=name).model_dump(exclude={"name"})
        expected = margins.by_name(name).get_config()
        for given_by_training in ("seed", "class_sizes"):
            expected.pop(given_by_training, None)
        assert given == expected


def test_the_recipe_reaches_the_head(recipe):
    head = {**PARTIAL, "row_optimizer": {"learning_rate": 0.3, "weight_decay": 0.1}, "scale": 8}
    recipe = changed(with_head(recipe, head), seed=6)
    _, model = build_models(recipe, open_training_source(recipe), total_steps=10)
    config = model.get_layer("head").get_config()
    rows = config["row_optimizer"]["config"]
    assert (rows["learning_rate"], rows["momentum"], rows["weight_decay"]) == (0.3, 0.9, 0.1)
    assert (config["sample_rate"], config["sub_centers"]) == (0.8, 2)
    assert (config["scale"], config["seed"]) == (8, 6)
    assert config["margin"]["config"] == {"margin": 0.5, "momentum": 0.99}


def test_training_tells_the_margin_how_many_images_each_identity_has(recipe):
    recipe = with_head(recipe, HEADS["DynamicMargin"])
    source = open_training_source(recipe)
    _, model = build_models(recipe, source, total_steps=10)
    sizes = model.get_layer("head").get_config()["margin"]["config"]["class_sizes"]
    assert sizes == [list(source.labels).count(label) for label in range(len(source.class_names))]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ({"margin": {"name": "SphereFace", "margin": 0.5}}, "`margin` must be within"),
        ({"sample_rate": 0.5}, r"0.5 of 5 classes is 3, less than train.batch_size \(4\)"),
    ],
)
def test_a_head_that_cannot_be_is_told_in_one_line(recipe, head, message):
    with pytest.raises(UserError, match=message) as error:
        train(with_head(recipe, head), RunDirectory("runs/tiny"))
    assert "\n" not in str(error.value)


def test_sampled_centers_need_an_sgd_of_their_own(recipe):
    recipe = with_head(recipe, PARTIAL, optimizer={"name": "adamw", "learning_rate": 1e-3})
    with pytest.raises(UserError, match="adamw's learning rate would not suit"):
        train(recipe, RunDirectory("runs/tiny"))


def test_sampling_all_classes_by_sgd_trains_as_the_plain_head(recipe):
    optimizer = {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": True}
    for name, rate in (("plain", 1.0), ("sampled", 0.99)):
        head = {"sample_rate": rate, "dropout": 0.0}
        train(with_head(recipe, head, optimizer=optimizer), RunDirectory(f"runs/{name}"))
    plain, sampled = (final_state(RunDirectory(f"runs/{n}")) for n in ("plain", "sampled"))
    for name in ("model/conv/kernel", "model/representation/dense/kernel"):
        np.testing.assert_allclose(sampled[name], plain[name], rtol=1e-3, atol=1e-5)
