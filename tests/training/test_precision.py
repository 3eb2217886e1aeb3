import keras
import numpy as np
import pytest
from small_runs import assert_same_state, changed, final_state
from test_train import ctrl_c_during

import framl_keras.training.from_recipe as building
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.identities import open_training_source
from framl_keras.training.train import build_models, stream, train


def mixed(recipe, precision, **train_settings):
    return changed(recipe, train={"precision": precision, **train_settings})


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
def test_the_network_computes_in_half_and_the_rest_in_float32(recipe, half):
    source = open_training_source(recipe)
    embedder, model = build_models(mixed(recipe, f"mixed_{half}"), source, 6)
    assert embedder.get_layer("tiny").get_layer("conv").compute_dtype == half
    assert model.get_layer("head").compute_dtype == "float32"
    assert {tensor.dtype for tensor in model.output.values()} == {"float32"}
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (half == "float16")


@pytest.fixture
def loss_scale_of(monkeypatch):
    """Sets what a loss scale begins with."""

    def begin_with(scale):
        def scaled(optimizer, precision):
            if precision != "mixed_float16":
                return optimizer
            return keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=scale)

        monkeypatch.setattr(building, "with_loss_scale", scaled)

    return begin_with


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_both_modes_train_nearly_as_float32_does(recipe, precision, loss_scale_of):
    loss_scale_of(16.0)  # so that no step of this short run is left out
    one_epoch = changed(recipe, train={"epochs": 1, "optimizer": {"learning_rate": 1e-3}})
    runs = {
        "float32": (one_epoch, "fit"),
        "fit": (mixed(one_epoch, precision), "fit"),
        "eager": (mixed(one_epoch, precision), "eager"),
    }
    states = {}
    for name, (settings, mode) in runs.items():
        train(settings, RunDirectory(f"runs/{name}"), mode)
        state = final_state(RunDirectory(f"runs/{name}"))
        states[name] = {k: v for k, v in state.items() if k.startswith("model/")}
    start = build_models(recipe, open_training_source(recipe), 6)[1].get_layer("head").kernel
    moved = np.abs(states["fit"]["model/head/kernel"] - keras.ops.convert_to_numpy(start)).max()
    assert moved > 1e-3
    assert_same_state(states["fit"], states["eager"], atol=2e-3)
    assert_same_state(states["fit"], states["float32"], atol=1e-2)


def test_a_loss_scale_that_overflows_leaves_out_the_step_and_is_resumed(recipe, loss_scale_of):
    """2^40 overflows float16, so that the first steps halve the scale and do nothing else."""
    loss_scale_of(2.0**40)
    recipe = mixed(recipe, "mixed_float16")
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight, "eager")
    with ctrl_c_during(2):
        train(recipe, stopped, "eager")
    scale = {k: v for k, v in final_state(stopped).items() if k.endswith("dynamic_scale")}
    assert list(scale.values()) == [2.0**38]
    train(recipe, stopped, "eager")
    assert_same_state(final_state(stopped), final_state(straight))


def test_jit_reaches_keras(recipe):
    source = open_training_source(recipe)
    for jit in (True, False):
        _, model = build_models(changed(recipe, train={"jit": jit}), source, 6)
        assert model.jit_compile is jit
    pixels, labels = next(stream(source, recipe, 0))
    losses = keras.ops.convert_to_numpy(model([pixels, labels])["losses"])
    assert np.isfinite(losses).all()
