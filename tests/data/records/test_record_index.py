import os

import numpy as np
import pytest

from framl_keras.data.records.damage import Damage
from framl_keras.data.records.index import IndexBuilder, cached_index, store_index


def built(count=3, size=10):
    builder = IndexBuilder()
    for number in range(count):
        builder.add(number, number * size, size, number % 2, f"name-{number % 2}")
    builder.add_damage(Damage(9, 1, "broken"))
    return builder.build()


@pytest.fixture
def records(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "data" / "x.tfrecord"
    path.parent.mkdir()
    path.write_bytes(b"\0" * 40)
    return path


def refuse(path):
    raise AssertionError("the index was made again")


def equal(left, right):
    columns = ("numbers", "offsets", "sizes", "source_ids")
    return all(np.array_equal(getattr(left, c), getattr(right, c)) for c in columns) and (
        (left.names, left.damage) == (right.names, right.damage)
    )


def test_it_is_made_once_and_kept_beside_the_file(records):
    made = cached_index(records, lambda path: built(), "kind")
    assert records.with_name("x.tfrecord.index").is_file()
    assert equal(made, built())
    assert equal(cached_index(records, refuse, "kind"), built())


def change_size(records, index):
    records.write_bytes(b"\0" * 41)


def change_time(records, index):
    os.utime(records, ns=(1, 1))


def flip(records, index):
    content = bytearray(index.read_bytes())
    content[-20] ^= 1
    index.write_bytes(content)


def cut(records, index):
    index.write_bytes(index.read_bytes()[:-9])


def empty(records, index):
    index.write_bytes(b"")


@pytest.mark.parametrize("change", [change_size, change_time, flip, cut, empty])
def test_it_is_made_again_when_it_does_not_fit(records, change):
    cached_index(records, lambda path: built(), "kind")
    change(records, records.with_name("x.tfrecord.index"))
    assert equal(cached_index(records, lambda path: built(2), "kind"), built(2))
    assert equal(cached_index(records, refuse, "kind"), built(2))


def test_another_readers_index_is_not_taken(records):
    cached_index(records, lambda path: built(), "one")
    assert equal(cached_index(records, lambda path: built(1), "other"), built(1))


def test_an_index_that_points_outside_the_file_is_not_believed(records):
    store_index(records, built(5), "kind")  # 50 bytes of records in a file of 40
    assert equal(cached_index(records, lambda path: built(1), "kind"), built(1))


def test_where_the_folder_cannot_be_written_it_goes_to_the_cache(records, monkeypatch):
    real = os.replace

    def replace(source, target):
        if "cache" not in str(target):
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    cached_index(records, lambda path: built(), "kind")
    assert [path.name for path in records.parent.iterdir()] == ["x.tfrecord"]
    assert equal(cached_index(records, refuse, "kind"), built())


def test_where_nothing_can_be_written_it_still_works(records, monkeypatch, caplog):
    def replace(source, target):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", replace)
    assert equal(cached_index(records, lambda path: built(), "kind"), built())
    assert "could not be stored" in caplog.text
