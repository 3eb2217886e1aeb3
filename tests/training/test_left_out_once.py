"""Data that train, choose and test are opened once, and what they leave out is said once."""

import logging
import shutil

from small_runs import changed

from framl_keras.recipe import HELD_OUT
from framl_keras.runs.identities import open_training_source, split_once
from framl_keras.training.from_recipe import open_sets


def test_what_is_left_out_is_said_once(recipe, faces, tmp_path, caplog):
    shutil.copytree(faces, tmp_path / "faces")
    (tmp_path / "faces/person 1/notes.txt").write_text("no image")
    held_out = {"train": [1, 2], "validation": [3, 3], "test": [4, 5]}  # one is none: also said
    data = {"train": str(tmp_path / "faces"), "people": held_out}
    data |= {"test": {"others": HELD_OUT}, "validation": {"those": HELD_OUT}}
    recipe = changed(recipe, data=data)

    with caplog.at_level(logging.WARNING):
        split = split_once(recipe.data)
        source, sets = open_training_source(recipe, split), open_sets(recipe, split)

    assert source.class_names == ["person 0", "person 1"]
    assert len(sets.test) == 1
    assert sum("left out" in record.message for record in caplog.records) == 1
