"""Checking, auditing and converting in parts give what one process gives."""

import dataclasses
import shutil

import numpy as np
import pytest
from small_faces import encoded

from framl_keras import data
from framl_keras.data.parts import parts_of
from framl_keras.data.records.index import SUFFIX
from framl_keras.errors import UserError

COUNT = 3


@pytest.fixture
def faces(face_folder, tmp_path):
    """Faces with a duplicate and a damaged file, which are in different parts."""
    root = shutil.copytree(face_folder, tmp_path / "faces")
    (root / "bob" / "stolen.png").write_bytes((root / "ada" / "1.png").read_bytes())
    (root / "bob" / "broken.jpg").write_bytes(encoded(0)[:100])
    return root


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("framl_keras.data.checking.check._SECONDS", 0.05)


def checked(faces, output, parts, **options):
    done = [data.check_part(faces, output, (i, COUNT), **options) for i in parts]
    return done, lambda: data.check(faces, 16, parts=output, **options)


def audited(faces, output, parts):
    done = [data.audit_part(faces, faces, output, (i, COUNT)) for i in parts]
    return done, lambda: data.audit(faces, faces, parts=output)


def converted(faces, output, parts, **options):
    options = {"shards": 4, "on_error": "skip", "seed": 3, **options}
    done = [data.convert_part(faces, output, (i, COUNT), **options) for i in parts]
    return done, lambda: data.convert(faces, output, parts=True, **options)


WORK = {"check": checked, "audit": audited, "convert": converted}


def plain(report):
    facts = dataclasses.asdict(report)
    facts.pop("images_per_second", None)
    return facts


def test_a_check_in_parts_is_that_of_one_process(faces, tmp_path):
    done, join = checked(faces, tmp_path / "looks", [3, 1, 2])
    assert [part.is_new for part in done] == [True] * COUNT
    assert sum(len(part.left_out) for part in done) == 1
    assert plain(join()) == plain(data.check(faces, 16))


def test_a_sample_in_parts_is_that_of_one_process(faces, tmp_path):
    _, join = checked(faces, tmp_path / "looks", [1, 2, 3], sample=7, seed=5)
    assert plain(join()) == plain(data.check(faces, 16, sample=7, seed=5))


def test_an_audit_in_parts_is_that_of_one_process(faces, tmp_path):
    _, join = audited(faces, tmp_path / "leaks", [2, 3, 1])
    report = join()
    assert report.leaked > 5
    assert plain(report) == plain(data.audit(faces, faces))


@pytest.mark.parametrize("suffix", ["tfrecord", "arrayrecord"])
def test_files_in_parts_are_those_of_one_process(faces, tmp_path, suffix):
    together, alone = tmp_path / "a" / f"x.{suffix}", tmp_path / "b" / f"x.{suffix}"
    _, join = converted(faces, together, [2, 1, 3])
    manifest = join()

    assert manifest == data.convert(faces, alone, shards=4, on_error="skip", seed=3)
    files = sorted(path.name for path in alone.parent.iterdir())
    assert files == sorted(path.name for path in together.parent.iterdir())
    for name in files:  # an index also says when its file was written
        if not name.endswith(SUFFIX):
            assert (together.parent / name).read_bytes() == (alone.parent / name).read_bytes()
    np.testing.assert_array_equal(data.open(together).labels, data.open(alone).labels)


@pytest.mark.parametrize("kind", WORK)
def test_a_part_that_is_there_is_left_alone(faces, tmp_path, kind):
    (first,), _ = WORK[kind](faces, tmp_path / "x.tfrecord", [1])
    before = first.file.stat().st_mtime_ns
    (again,), _ = WORK[kind](faces, tmp_path / "x.tfrecord", [1])
    assert not again.is_new
    assert again.left_out == first.left_out
    assert first.file.stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", WORK)
def test_a_missing_part_is_named(faces, tmp_path, kind):
    _, join = WORK[kind](faces, tmp_path / "x.tfrecord", [1, 3])
    with pytest.raises(UserError, match="1 of 3 parts are missing: part-00002-of-00003"):
        join()


@pytest.mark.parametrize("kind", WORK)
def test_parts_of_other_data_are_refused(faces, tmp_path, kind):
    WORK[kind](faces, tmp_path / "x.tfrecord", [1, 2, 3])
    shutil.copytree(faces / "ada", faces / "zoe")
    with pytest.raises(UserError, match=r"labels_and_names was|with other data or options"):
        WORK[kind](faces, tmp_path / "x.tfrecord", [1])
    with pytest.raises(UserError, match=r"labels_and_names was|with other data or options"):
        WORK[kind](faces, tmp_path / "x.tfrecord", [])[1]()


@pytest.mark.parametrize("kind", WORK)
@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"{}", b"[1]"])
def test_a_damaged_part_is_one_line(faces, tmp_path, kind, content):
    done, join = WORK[kind](faces, tmp_path / "x.tfrecord", [1, 2, 3])
    done[1].file.write_bytes(content)
    with pytest.raises(UserError, match=done[1].file.name):
        join()


def test_a_part_that_was_killed_goes_on(faces, tmp_path, monkeypatch):
    place = tmp_path / "x.tfrecord"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            converted(faces, place, [1])
    with pytest.raises(UserError, match=r"parts are missing|no parts"):
        converted(faces, place, [])[1]()
    _, join = converted(faces, place, [1, 2, 3])
    assert join().records == data.convert(faces, tmp_path / "y", on_error="skip").records
    assert not parts_of(place).exists()


def test_more_parts_than_files_are_refused(faces, tmp_path):
    with pytest.raises(UserError, match=r"there would be 2\. Take --shards 3 or more"):
        converted(faces, tmp_path / "x.tfrecord", [1], shards=2)


def test_joining_overwrites_nothing(faces, tmp_path):
    with pytest.raises(UserError, match="--overwrite: parts are joined as they are"):
        data.convert(faces, tmp_path / "x.tfrecord", parts=True, overwrite=True)
