"""Parts by identity, and several sources as one."""

import numpy as np
import pytest
from small_faces import encoded

import framl_keras as fk
from framl_keras.cli import main
from framl_keras.data.sources import ImageFolder, Merged, open_source
from framl_keras.data.sources.merged import names_of_sources, read_label_map
from framl_keras.data.splitting import split, split_identities
from framl_keras.errors import UserError


@pytest.mark.parametrize("count", [3, 4, 10, 97])
@pytest.mark.parametrize("shares", [(80, 10, 10), (1, 1, 1), (0.5, 0, 0.5), (1, 0, 0), (98, 1, 1)])
def test_parts_are_disjoint_complete_and_near_their_shares(count, shares):
    parts = split_identities(count, shares, seed=3)
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    for part, share in zip(parts, shares, strict=True):
        assert (len(part) > 0) == (share > 0)
        assert abs(len(part) - count * share / sum(shares)) <= 2
    again = split_identities(count, shares, seed=3)
    assert all(np.array_equal(one, other) for one, other in zip(parts, again, strict=True))


def test_seeds_give_other_parts():
    assert len({tuple(split_identities(20, (1, 1, 1), seed)[0]) for seed in range(9)}) > 5


@pytest.mark.parametrize(
    ("count", "shares", "message"),
    [
        (2, (80, 10, 10), "2 identities for 3 parts"),
        (9, (1, -1, 1), "shares from 0 on"),
        (9, (0, 0, 0), "shares from 0 on"),
        (9, (float("nan"), 1, 1), "shares from 0 on"),
    ],
)
def test_parts_that_cannot_be(count, shares, message):
    with pytest.raises(UserError, match=message):
        split_identities(count, shares)


@pytest.mark.parametrize("kind", [None, "list", "tfrecord", "arrayrecord"])
def test_the_parts_hold_all_images_and_no_identity_twice(face_folder, tmp_path, kind):
    whole = ImageFolder(face_folder)
    files = split(whole, tmp_path, (2, 1, 1), seed=1, kind=kind)
    parts = [open_source(str(file)) for file in files]
    assert [file.stem for file in files] == ["train", "validation", "test"]
    names = [name for part in parts for name in part.class_names]
    assert sorted(names) == sorted(whole.class_names)
    assert [len(part) for part in parts] == [6, 3, 3]
    if kind == "list":
        with pytest.raises(UserError, match="exists already"):
            split(whole, tmp_path, kind=kind)


def write(root, *names):
    for number, name in enumerate(names):
        path = root / name / f"{number}.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(encoded([number, len(root.name)]))
    return ImageFolder(root)


def test_same_names_are_the_same_and_numbers_are_not(tmp_path):
    one, two = write(tmp_path / "one", "ada", "bob"), write(tmp_path / "two", "bob", "carl")
    digits = write(tmp_path / "digits", "1", "2")
    merged = Merged([one, two, digits], ["one", "two", "digits"])
    assert merged.class_names == ["ada", "bob", "carl", "digits/1", "digits/2"]
    assert merged.labels.tolist() == [0, 1, 1, 2, 3, 4]
    assert merged[2].image == two[0].image
    assert (merged[2].label, merged.path_of(3), merged.name_of(3)) == (1, two.path_of(1), "1.jpg")
    assert Merged([digits], ["digits"]).class_names == ["1", "2"]


def test_a_map_gives_common_names(tmp_path):
    one, two = write(tmp_path / "one", "1", "2"), write(tmp_path / "two", "bob", "1")
    (tmp_path / "map.csv").write_text("source,name,label\none,1,ada\n,bob,ada\n")
    mapped = read_label_map(tmp_path / "map.csv", ["one", "two"])
    merged = Merged([one, two], ["one", "two"], mapped)
    assert merged.class_names == ["1", "ada", "one/2"]
    assert merged.labels.tolist() == [1, 2, 0, 1]  # of two, 1 comes before bob


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\nnobody,x\n", "names 'nobody', which is no identity of any source"),
        ("name,label,source\nada,x,three\n", "no source 'three'. Expected one of one, two"),
        ("name,label\nada,x\nada,y\n", ":3: 'ada' is mapped twice"),
        ("name,label\nada,\n", ":2: expected a label"),
        ("who,what\nada,x\n", "names 'who', which is no identity"),
    ],
)
def test_a_faulty_map_is_named(tmp_path, text, message):
    one, two = write(tmp_path / "one", "ada"), write(tmp_path / "two", "bob")
    (tmp_path / "map.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        Merged([one, two], ["one", "two"], read_label_map(tmp_path / "map.csv", ["one", "two"]))


def test_names_of_sources_differ():
    assert names_of_sources(["a/faces", "b/faces.tfrecord", "c/"]) == ["faces-1", "faces-2", "c"]


def test_the_commands(tmp_path, face_folder, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ("split", str(face_folder), "parts", "--shares", "50", "25", "25"),
        ("merge", "parts/train.csv", "parts/test.csv", "both.tfrecord"),
        ("merge", "parts/train.csv", "one.tfrecord"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["data", *arguments])
        assert end.value.code == (2 if "one.tfrecord" in arguments else 0)
    said = capsys.readouterr().out
    assert "train.csv: 6 images of 2 identities" in said
    assert "both.tfrecord: 9 images of 3 identities" in said


def test_tables_are_merged_by_their_columns_and_root(tmp_path):
    for day in ("day1", "day2"):
        for name in ("ada", "bob"):
            path = tmp_path / "photos" / day / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded([len(day), len(name)], ".png"))
        lines = "".join(f"x,{day}/{name}.png,{name}\n" for name in ("ada", "bob"))
        (tmp_path / f"{day}.csv").write_text(f"species,picture,who\n{lines}")
    sources = [str(tmp_path / "day1.csv"), str(tmp_path / "day2.csv")]
    columns, root = {"path": "picture", "label": "who"}, tmp_path / "photos"

    written = fk.data.merge(sources, tmp_path / "both.tfrecord", root=root, columns=columns)

    assert (written.records, written.classes) == (4, 2)
    assert sorted(fk.data.open(tmp_path / "both.tfrecord").class_names) == ["ada", "bob"]
    with pytest.raises(UserError, match=r"One source only .*day1\.csv"):
        fk.data.merge(sources[:1], tmp_path / "one.tfrecord")
