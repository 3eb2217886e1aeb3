import numpy as np
import pytest
from small_runs import changed

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import load_checkpoint
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.identities import open_training_source
from framl_keras.training.callbacks.not_finite import StopAtNaN
from framl_keras.training.callbacks.progress import Progress
from framl_keras.training.checkpoints.folder import Checkpoints
from framl_keras.training.not_finite_error import NotFiniteError
from framl_keras.training.steps import gradients
from framl_keras.training.steps.first_not_finite import check_step
from framl_keras.training.train import build_models, train

# The first update makes weights of 1e30, whose features leave float32 in the step after.
NAMED = {"fit": "the loss", "eager": "the output of .*"}


@pytest.mark.parametrize("mode", NAMED)
def test_a_nan_stops_the_run_and_leaves_a_sound_checkpoint(recipe, mode):
    optimizer = {"name": "sgd", "learning_rate": 1e30}
    wild, run = changed(recipe, train={"optimizer": optimizer, "save_steps": 1}), "runs/wild"
    expected = (
        f"Step 2: {NAMED[mode]} is not finite, at a learning rate of 1e\\+30. "
        "The last good checkpoint is .*step-000000001.ckpt"
    )
    with pytest.raises(UserError, match=expected) as stopped:
        train(wild, RunDirectory(run), mode)
    assert "\n" not in str(stopped.value)
    (kept,) = RunDirectory(run).checkpoints.iterdir()
    assert all(np.isfinite(array).all() for array in load_checkpoint(kept).arrays.values())


@pytest.fixture
def model(recipe):
    _, model = build_models(recipe, open_training_source(recipe), 6)
    return model


def poison(variable, value=np.nan):
    values = np.zeros(variable.shape, "float32")
    values.flat[-1] = value
    variable.assign(values)


@pytest.mark.parametrize("name", ["conv/kernel", "norm/moving_mean"])
def test_a_state_with_a_nan_is_never_saved(model, tmp_path, name):
    poison(next(v for v in model.variables if v.path.endswith(name)), np.inf)
    checkpoints = Checkpoints(tmp_path, {})
    for save in (checkpoints.save, lambda *where: checkpoints.save_best(*where, score=1.0)):
        with pytest.raises(NotFiniteError, match=f"{name} is not finite"):
            save(model, 5)
    assert not list(tmp_path.iterdir())


def step_on(model, pixels):
    labels = np.array([0, 1, 2], "int32")
    check_step(model, [pixels, labels], gradients(model, pixels, labels))


def test_the_first_tensor_that_is_not_finite_is_named(model, rng):
    pixels = rng.uniform(0, 255, (3, 16, 16, 3)).astype("float32")
    step_on(model, pixels)
    kernel = next(v for v in model.trainable_variables if v.path.endswith("conv/kernel"))
    poison(kernel)
    with pytest.raises(NotFiniteError, match=f"the weight {kernel.path} is"):
        step_on(model, pixels)
    pixels[1, 2, 3, 0] = np.inf
    with pytest.raises(NotFiniteError, match="the input pixels is"):
        step_on(model, pixels)


def watched(losses, first_step=1, then=None):
    """Passes losses to a watch; what it says, and the step at which it stopped."""
    progress = Progress(images=100, batch_size=1, epochs=1)
    progress.step = first_step - 1
    watch = StopAtNaN(progress, lambda step: 0.1 * step, lambda: None, every=16)
    with pytest.raises(UserError) as stopped, watch:  # noqa: PT012 - the watch raises as it ends
        for loss in losses:
            progress.step += 1
            watch.on_train_batch_end(0, {"loss": np.float32(loss)})
        raise then
    return str(stopped.value), progress.step


def test_the_step_named_is_the_first_although_losses_are_looked_at_later():
    said, stopped_at = watched([1.0] * 20 + [np.nan] * 20)
    expected = "Step 21: the loss is not finite, at a learning rate of 2. There is no checkpoint"
    assert said.startswith(expected)
    assert stopped_at == 32


def test_an_unseen_loss_explains_a_state_that_cannot_be_saved():
    said, _ = watched([np.inf, np.nan], 7, then=NotFiniteError("model/kernel", 8))
    assert said.startswith("Step 7: the loss is")


def test_a_step_that_does_not_know_its_number_is_the_next():
    said, _ = watched([1.0], 7, then=NotFiniteError("the gradient of model/kernel"))
    assert said.startswith("Step 8: the gradient of model/kernel is")
