"""The recipes that come with the package, by name and by path."""

from pathlib import Path

import pytest

from framl_keras.errors import UserError
from framl_keras.recipe import Recipe, located, packaged

HOME = Path(__file__).parent.parent / "recipes"


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """A folder without a clone, as after `pip install`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_recipe_of_the_clone_is_packaged():
    assert set(packaged()) == {file.stem for file in HOME.glob("*.yaml")}


@pytest.mark.parametrize("name", ["quickstart", "quickstart.yaml", "recipes/quickstart.yaml"])
def test_a_packaged_recipe_is_found_without_a_clone(empty_folder, name):
    assert Recipe.load(name).name == "quickstart"


@pytest.mark.parametrize("name", ["quickstart", "quickstart.yaml", "recipes/quickstart.yaml"])
def test_a_file_of_one_s_own_comes_first(empty_folder, name):
    own = empty_folder / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("name: own\ndata: {train: orl}\nmodel: {backbone: ResNet50}\n")

    assert Recipe.load(name).name == "own"


@pytest.mark.parametrize(
    "path", ["elsewhere/quickstart.yaml", "../quickstart", "quickstart.json", "/quickstart.yaml"]
)
def test_a_path_to_somewhere_else_is_only_a_path(empty_folder, path):
    assert located(path) == Path(path)
    with pytest.raises(UserError, match="No such recipe"):
        Recipe.load(path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("quikstart", "such as quickstart"),
        ("res5", "such as res50"),
        ("nothing.like.it", "one of the packaged recipes mbv2,"),
    ],
)
def test_a_name_that_is_not_there_lists_what_is(empty_folder, name, hint):
    with pytest.raises(UserError, match=hint):
        Recipe.load(name)


def test_a_folder_of_that_name_is_no_recipe(empty_folder):
    (empty_folder / "quickstart").mkdir()

    assert Recipe.load("quickstart").name == "quickstart"
