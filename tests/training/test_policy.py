"""Training with an augmentation policy of Keras, from its recipe."""

from pathlib import Path

import numpy as np
import pytest
from small_runs import assert_same_state, changed, ctrl_c_during, final_state

from framl_keras.data.sources import ImageFolder
from framl_keras.errors import UserError
from framl_keras.recipe import PolicySection
from framl_keras.runs.directory import RunDirectory
from framl_keras.training.from_recipe import stream, without_augmentation
from framl_keras.training.train import train

RICH = {"policy": "keras.rand_augment", "options": {"num_ops": 1}, "resize_to": 20}


def test_a_stopped_run_goes_on_to_the_very_same_end(recipe):
    pytest.importorskip("tensorflow")
    recipe = changed(recipe, data={"augment": RICH})
    straight, stopped = RunDirectory("runs/straight"), RunDirectory("runs/stopped")
    train(recipe, straight)
    with ctrl_c_during(3):
        assert train(recipe, stopped).interrupted
    train(recipe, stopped)
    assert_same_state(final_state(stopped), final_state(straight))


def test_the_recipe_reaches_the_training_images(recipe, faces):
    pytest.importorskip("tensorflow")
    inverted = {"policy": "keras.random_invert", "options": {"factor": [1.0, 1.0]}}
    source, plain = ImageFolder(faces), {"resize_to": 20, "saturation": 0, "brightness": 0}
    recipe, expected = (
        changed(recipe, data={"augment": a}) for a in ({**plain, **inverted}, plain)
    )
    pixels, labels = next(stream(source, recipe, 0))
    usual, same_labels = next(stream(source, expected, 0))
    assert np.array_equal(pixels, 255 - usual)
    assert np.array_equal(labels, same_labels)


def test_images_without_augmentation_have_no_policy(recipe):
    augment = without_augmentation(changed(recipe, data={"augment": RICH})).data.augment
    assert not isinstance(augment, PolicySection)
    assert augment.resize_to == recipe.data.image_size


def test_a_policy_that_cannot_be_had_stops_before_there_is_a_run(recipe):
    recipe = changed(recipe, data={"augment": {"policy": "keras.rand_augmnt"}})
    with pytest.raises(UserError, match=r"Did you mean keras\.rand_augment"):
        train(recipe, RunDirectory("runs/tiny"))
    assert not Path("runs").exists()
