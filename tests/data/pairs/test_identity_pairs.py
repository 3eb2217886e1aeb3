"""Training data of any format are verification sets: the pairs of their identities."""

import numpy as np
import pytest

from framl_keras.data.auditing import open_test_images
from framl_keras.data.pairs import open_pairs
from framl_keras.data.sources import ImageFolder, Source, open_source, register_source
from framl_keras.errors import UserError


def as_folder(face_folder, tmp_path, converted):
    return face_folder


def as_tfrecord(face_folder, tmp_path, converted):
    return converted("faces.tfrecord")


def as_shards(face_folder, tmp_path, converted):
    return converted("faces.tfrecord", shards=3)


def as_table(face_folder, tmp_path, converted):
    source = ImageFolder(face_folder)
    rows = [f"{source.path_of(at)},{source.class_names[source.labels[at]]}" for at in range(12)]
    (tmp_path / "faces.csv").write_text("path,label\n" + "\n".join(rows), encoding="utf-8")
    return tmp_path / "faces.csv"


def as_opener(face_folder, tmp_path, converted):
    register_source("mine", ImageFolder, replace=True)
    return f"mine:{face_folder}"


FORMS = (as_folder, as_tfrecord, as_shards, as_table, as_opener)


@pytest.mark.parametrize("form", FORMS)
def test_identities_give_all_their_pairs(face_folder, tmp_path, converted, form):
    location = str(form(face_folder, tmp_path, converted))
    (pairs,) = open_pairs(location, "others")
    labels = np.array([pairs.images[at].label for at in range(12)])
    assert pairs.name == "others"
    assert pairs.is_same.sum() == 4 * 3  # of three images, three pairs
    assert np.array_equal(labels[pairs.pairs[:, 0]] == labels[pairs.pairs[:, 1]], pairs.is_same)


@pytest.mark.parametrize("form", FORMS)
def test_an_audit_takes_them_as_images_with_names(face_folder, tmp_path, converted, form):
    tested = open_test_images(str(form(face_folder, tmp_path, converted)))
    assert sorted(tested.names) == ["Zoë 10", "Zoë 9", "ada", "bob"]
    assert len(tested.parts[0]) == 12


@pytest.mark.parametrize("given", [None, [], "faces", object()])
def test_an_opener_that_gives_no_source_is_named(given):
    register_source("wrong", lambda rest: given, replace=True)
    with pytest.raises(UserError, match=r"wrong:x: its opener gave .*Source"):
        open_source("wrong:x")


def test_a_source_needs_four_members():
    class Two(Source):
        def __init__(self):
            self.class_names, self.labels = ["a", "b"], np.array([0, 1])

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return index

    register_source("two", lambda rest: Two(), replace=True)
    source = open_source("two:")
    assert (list(source.left_out), source.name_of(0)) == ([], "")


def test_a_source_of_ones_own_is_registered_by_the_front_door(face_folder):
    import framl_keras as fk

    fk.data.register_source("front", ImageFolder, replace=True)
    assert len(fk.data.open(f"front:{face_folder}")) == 12
    with pytest.raises(UserError, match="No training data at nothing:"):
        fk.data.open("nothing:")


def test_several_sources_open_as_one(face_folder, tmp_path):
    import framl_keras as fk

    (tmp_path / "t.csv").write_text(f"image,who\n{face_folder}/ada/0.jpg,eve\n")
    several = [str(face_folder), str(tmp_path / "t.csv")]
    data = fk.data.open(several, columns={"label": "who"})
    assert (len(data), len(data.class_names)) == (13, 5)
