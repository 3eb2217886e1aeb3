"""A root with `train`, `val` and `test` folders is training, validation and test data at once."""

import pytest

from framl_keras.recipe import Recipe
from framl_keras.runs.identities import with_parts


def recipe(root, **data):
    content = {"name": "x", "data": {"train": str(root), **data},
               "model": {"backbone": "FaceResNet10"}}  # fmt: skip
    return Recipe.model_validate(content)


def folders(root, *names):
    for name in names:
        (root / name / "ada").mkdir(parents=True)
    return root


def test_the_parts_take_the_roots_place_where_the_recipe_names_none(tmp_path):
    root = folders(tmp_path, "train", "val", "test")
    data = with_parts(recipe(root)).data
    assert data.train == str(root / "train")
    assert data.validation == {"validation": str(root / "val")}
    assert data.test == {"test": str(root / "test")}
    named = with_parts(recipe(root, test="pairs.csv", validation="other")).data
    assert (named.test, named.validation) == ({"pairs": "pairs.csv"}, {"other": "other"})


@pytest.mark.parametrize("names", [("ada", "bob"), ("train", "ada"), ("val", "test"), ()])
def test_other_folders_stay_what_they_are(tmp_path, names):
    plain = recipe(folders(tmp_path, *names))
    assert with_parts(plain) is plain
    assert with_parts(recipe("orl")).data.train == "orl"


def test_identities_that_are_called_like_parts_stay_identities(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jpg").write_bytes(b"x")
    plain = recipe(tmp_path)
    assert with_parts(plain) is plain
