"""JSON, YAML and NumPy's files of every damaged and hostile kind are told as such."""

import io
import json
import zipfile

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.evaluation.calibration import read_calibrations
from framl_keras.recipe.recipe import read_yaml
from framl_keras.runs.directory import RunDirectory
from framl_keras.runs.thresholds import read_thresholds
from framl_keras.untrusted.arrays import read_npy, read_npz
from framl_keras.untrusted.json_text import parse_json
from framl_keras.untrusted.yaml_text import parse_yaml

JSON = {
    "empty": b"",
    "cut": b'{"a": [1, 2',
    "no UTF-8": b'{"a": "\xff"}',
    "zeros": b"\0" * 64,
    "nested": b"[" * 500 + b"]" * 500,
    "nested deeply": b'{"a":' * 100_000,
    "a key twice": b'{"a": 1, "a": 2}',
    "an endless number": b"1" * 100_000,
}
LAUGHS = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))
YAML = {
    "cut": b"a: [1, 2",
    "no UTF-8": b"a: \xff",
    "zeros": b"\0" * 64,
    "nested": b"[" * 500 + b"]" * 500,
    "nested deeply": b"- " * 50_000,
    "a key twice": b"train:\n  epochs: 1\n  epochs: 2\n",
    "an endless number": b"a: " + b"1" * 10_000,
    "code": b"!!python/object/apply:os.system ['true']",
    "an unknown tag": b"a: !mine 3",
    "billion laughs": b"a0: &a0 lol\n" + LAUGHS.encode(),
    "within itself": b"&a [*a]",
    "a mapping as a key": b"{a: b}: c",
    "huge": b"# " + b"x" * (1 << 20),
    "a damaged date": b"a: 2001-99-99",
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json_that_is_none(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_json(text)


@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_yaml_that_is_none(text, tmp_path):
    with pytest.raises(ValueError, match=r"\w"):
        parse_yaml(text)
    (tmp_path / "x.yaml").write_bytes(text)
    with pytest.raises(UserError, match=r"x\.yaml: ") as error:
        read_yaml(tmp_path / "x.yaml")
    assert "\n" not in str(error.value)


def test_what_people_write_in_yaml_is_read():
    text = "base: &b {lr: 5e-4, on: yes}\nmine:\n  <<: *b\n  lr: 1e-3\nname: 'ü'\n"

    assert parse_yaml(text) == {
        "base": {"lr": 5e-4, True: True}, "mine": {True: True, "lr": 1e-3}, "name": "ü"
    }  # fmt: skip


def npy(header, data=b"", version=1, length=None):
    header = header.encode() + b"\n"
    size = len(header) if length is None else length
    return (
        b"\x93NUMPY"
        + bytes([version, 0])
        + size.to_bytes(2 if version == 1 else 4, "little")
        + header
        + data
    )


def two(descr):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}"


SOUND = two("'<f4'")
NPY = {
    "empty": b"",
    "cut within the start": b"\x93NUM",
    "cut within the header": npy(SOUND)[:30],
    "no data": npy(SOUND),
    "too much data": npy(SOUND, b"\0" * 9),
    "version 9": npy(SOUND, b"\0" * 8, 9),
    "a long header": npy(SOUND, b"\0" * 8, 2, 1 << 31),
    "code": npy(two("__import__('os')"), b"\0" * 8),
    "an open string": npy("{'descr': '<f4', 'fortran_order': False, 'shape': ('", b"\0" * 8),
    "objects": npy(two("'|O'"), b"\0" * 16),
    "a record": npy(two("[('a', '<f4')]"), b"\0" * 8),
    "huge": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999,), }"),
    "beyond all": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9" + "9" * 40 + ",), }"),
    "below zero": npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", b"\0" * 8),
    "no characters": npy(two("'<U1'"), b"\0\0\0\x7f" * 2),
    "half characters": npy(two("'>U1'"), b"\0\0\xd8\0" * 2),
    "numbers of 3 bytes": npy(two("'<f3'"), b"\0" * 6),
}  # fmt: skip


@pytest.mark.parametrize("content", NPY.values(), ids=NPY)
def test_arrays_that_are_none(content, tmp_path):
    (tmp_path / "x.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", content)

    with pytest.raises(ValueError, match=r"\w"):
        read_npy(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"a\.npy"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8", ">u2", "?", "|u1", "<U3", "S4", "<f2"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (1, 2, 3)])
def test_arrays_are_read_as_numpy_reads_them(dtype, shape, tmp_path):
    count = int(np.prod(shape))
    array = np.arange(count).reshape(shape).astype(dtype)
    for order in (array, np.array(array, order="F")):
        np.save(tmp_path / "x.npy", order)
        np.savez_compressed(tmp_path / "x.npz", mine=order)

        for read in (read_npy(tmp_path / "x.npy"), read_npz(tmp_path / "x.npz")["mine"]):
            assert read.dtype == np.dtype(dtype)
            assert read.shape == shape
            assert read.tolist() == np.load(tmp_path / "x.npy").tolist()


def bomb():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1 << 27))
    return content.getvalue()


def two_of_a_name():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.npy", npy(SOUND, b"\0" * 8))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy(SOUND, b"\0" * 8))
    return content.getvalue()


@pytest.mark.parametrize(
    "make",
    [bomb, two_of_a_name, lambda: b"", lambda: b"PK\x03\x04", lambda: b"text"],
    ids=["bomb", "two of a name", "empty", "start", "text"],
)
def test_archives_that_are_none(make, tmp_path):
    (tmp_path / "x.npz").write_bytes(make())

    with pytest.raises(ValueError, match=r"zip|times|name"):
        read_npz(tmp_path / "x.npz")


WRONG = ["7", "null", '"x"', "[[1]]", "[null]", '{"a": 1}', '[{"a": 1}]', '{"distance_below": 3}',
         '{"distance_below": {"cosine": "x"}}', '{"distance_below": {"cosine": NaN}}',
         *(text.decode("latin-1") for text in JSON.values())]  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:12])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("classes.json", lambda run: RunDirectory(run).class_names()),
        ("thresholds.json", lambda run: read_thresholds(run, "m")),
        ("calibration.json", lambda run: read_calibrations(run, "m")),
    ],
)
def test_a_runs_json_that_is_wrong_is_one_line(name, read, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="latin-1")

    with pytest.raises(UserError, match=name) as error:
        read(tmp_path)

    assert "\n" not in str(error.value)


def test_a_calibrations_values_are_of_their_kind(tmp_path):
    names = "far threshold tar false_accepts slope intercept cllr min_cllr num_same num_different"
    entry = dict.fromkeys(names.split(), 1)
    sound = {**entry, "similarity": "cosine", "model": "m"}
    for name in sound:
        (tmp_path / "calibration.json").write_text(json.dumps([{**sound, name: [1]}]))
        with pytest.raises(UserError, match=name):
            read_calibrations(tmp_path)
