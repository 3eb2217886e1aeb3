"""A checkpoint that is damaged, or made to do harm, is one line and takes no memory."""

import json
import tracemalloc

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import (
    INDEX,
    Checkpoint,
    Part,
    _digest,
    clear_half_written,
    is_checkpoint,
    load_checkpoint,
    save_checkpoint,
    save_parts,
)

FILE = "00000-of-00001.safetensors"
FACTS = {"step": 7, "recipe": {"name": "x"}, "data": "y"}


@pytest.fixture
def path(tmp_path, rng):
    path = tmp_path / "step-000000007.ckpt"
    save_checkpoint(path, Checkpoint(FACTS, arrays_of(rng)))
    return path


def arrays_of(rng):
    return {
        "model/kernel": rng.standard_normal((3, 4)).astype("float32"),
        "optimizer/0000/iteration": np.array(7, "int32"),
        "model/empty": np.zeros((0, 3), "float32"),
        "model/mask": np.array([True, False]),
        "model/seed": np.array([1, 2**32 - 1], "uint32"),
    }


def test_it_gives_back_what_was_saved_whole_and_by_rows(path):
    facts, arrays = load_checkpoint(path)
    saved = arrays_of(np.random.default_rng(0))
    assert facts == FACTS
    assert arrays.keys() == saved.keys()
    for name, array in saved.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape == arrays.shape_of(name)
    np.testing.assert_array_equal(arrays.rows("model/kernel", 1, 3), arrays["model/kernel"][1:])


def test_rows_of_several_processes_are_one_array(tmp_path):
    array = np.arange(40, dtype="float32").reshape(10, 4)
    path = tmp_path / "x.ckpt"

    class Peers:
        processes = 3

        def __init__(self, process):
            self.process = process

        def any(self, flag):
            return flag

    def part(first, last):
        return Part("rows", (10, 4), array.dtype, first, last, lambda low, high: array[low:high])

    shares = [(0, 4), (4, 8), (8, 10)]
    # As in one process after the other: the first begins, and ends when the others are there.
    from framl_keras.runs import checkpoint

    beside = checkpoint._beside(path)
    beside.mkdir()
    for process in (1, 2):
        checkpoint._write_file(beside, [part(*shares[process])], Peers(process))
    checkpoint._write_file(beside, [part(*shares[0])], Peers(0))
    checkpoint._write_index(beside, FACTS, 3)
    checkpoint._put(beside, path)
    arrays = load_checkpoint(path).arrays
    np.testing.assert_array_equal(arrays["rows"], array)
    np.testing.assert_array_equal(arrays.rows("rows", 3, 9), array[3:9])
    assert len(list(path.glob("*.safetensors"))) == 3


def test_memory_is_that_of_some_rows(tmp_path, monkeypatch):
    from framl_keras.runs import checkpoint

    monkeypatch.setattr(checkpoint, "_AT_ONCE", 2**20)
    rows, dim = 2**17, 64  # 32 MiB
    big = Part("x", (rows, dim), np.dtype("float32"), 0, rows,
               lambda low, high: np.full((high - low, dim), low, "float32"))  # fmt: skip
    tracemalloc.start()
    save_parts(tmp_path / "x.ckpt", FACTS, [big])
    arrays = load_checkpoint(tmp_path / "x.ckpt").arrays
    assert arrays.rows("x", 5000, 5001).shape == (1, dim)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("others", ["before", "partial"])
def test_what_a_kill_left_while_the_best_was_replaced_is_put_back(path, others):
    best = path.with_name("best.ckpt")
    path.rename(path.with_name(f".best.ckpt.{others}"))
    clear_half_written(path.parent)
    assert best.is_dir() == (others == "before")
    assert [file.name for file in path.parent.iterdir()] == ["best.ckpt"] * best.is_dir()


def index_of(path):
    return json.loads((path / INDEX).read_text())


def with_index(path, change):
    index = index_of(path)
    index.pop("sha256")
    index = change(index)
    if isinstance(index, dict):
        index["sha256"] = _digest(index)
    (path / INDEX).write_text(json.dumps(index))


def facts(**changes):
    return lambda index: {**index, "facts": {**index["facts"], **changes}}


def kernel(**changes):
    def change(index):
        entry = {**index["arrays"]["model/kernel"], **changes}
        return {**index, "arrays": {**index["arrays"], "model/kernel": entry}}

    return change


def part(*values):
    return kernel(parts=[list(values)])


HARM = {
    "10**12 floats": kernel(shape=[10**12, 4], parts=[[FILE, "model/kernel", 0, 10**12]]),
    "overflow": kernel(shape=[2**62, 2**62]),
    "negative": kernel(shape=[-3, -4]),
    "too long": kernel(shape=[2, 4]),
    "no shape": kernel(shape=None),
    "no parts": kernel(parts=[]),
    "rows less": part(FILE, "model/kernel", 0, 2),
    "rows twice": kernel(parts=[[FILE, "model/kernel", 0, 3]] * 2),
    "rows from elsewhere": part(FILE, "model/empty", 0, 3),
    "rows that are no numbers": part(FILE, "model/kernel", "a", 3),
    "rows without end": part(FILE, "model/kernel", 0, float("inf")),
    "sides that are no whole numbers": kernel(shape=[3.0, 4]),
    "another file": part("../other.safetensors", "model/kernel", 0, 3),
    "a file outside": lambda index: {**index, "files": {"../x.safetensors": "0"}},
    "no files": lambda index: {**index, "files": []},
    "no facts": lambda index: {k: v for k, v in index.items() if k != "facts"},
    "facts: a list": lambda index: {**index, "facts": []},
    "step": facts(step="seven"),
    "recipe": facts(recipe=[1]),
    "score": facts(score="best"),
    "a list": lambda index: [],
}
TEXTS = {
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe{}",
    "deep": b"[" * 200000,
    "empty": b"",
}


def assert_damaged(path, match="damaged checkpoint"):
    tracemalloc.start()
    with pytest.raises(UserError, match=match) as said:
        load_checkpoint(path)
    assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    tracemalloc.stop()
    assert "\n" not in str(said.value)
    assert str(path) in str(said.value)


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_one_line_and_little_memory(path, harm):
    with_index(path, HARM[harm])
    assert_damaged(path)


@pytest.mark.parametrize("text", TEXTS)
def test_an_index_that_is_none(path, text):
    (path / INDEX).write_bytes(TEXTS[text])
    assert_damaged(path)


@pytest.mark.parametrize("file", [FILE, INDEX])
def test_a_file_that_is_missing(path, file):
    (path / file).unlink()
    assert_damaged(path)


def test_facts_that_were_changed_are_noticed(path):
    text = (path / INDEX).read_bytes()
    (path / INDEX).write_bytes(text.replace(b'"step": 7', b'"step": 8'))
    assert_damaged(path, "does not fit its checksum")


def test_numbers_that_were_changed_are_noticed(path):
    content = bytearray((path / FILE).read_bytes())
    content[-1] ^= 1
    (path / FILE).write_bytes(content)
    assert_damaged(path, f"{FILE} does not fit its checksum")


def test_a_file_in_its_place_is_one_line(tmp_path):
    path = tmp_path / "step-000000001.ckpt"
    path.write_bytes(b"PK\x03\x04")
    assert not is_checkpoint(path)
    assert_damaged(path, "expected a folder that training wrote, found a file")


@pytest.mark.parametrize("file", [FILE, INDEX])
@pytest.mark.parametrize("sound", [False, True])
def test_no_mutation_brings_a_foreign_error(path, rng, file, sound):
    whole = (path / file).read_bytes()
    for _ in range(200):
        (path / file).write_bytes(mutated(whole, rng))
        if sound and file == FILE:  # as one who writes checksums would
            with_index(path, lambda index: {**index, "files": {FILE: digest_of(path / FILE)}})
        is_checkpoint(path)
        try:
            arrays = load_checkpoint(path).arrays
            assert [array.shape for array in arrays.values()]
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017


def digest_of(file):
    import hashlib

    return hashlib.sha256(file.read_bytes()).hexdigest()


def mutated(content, rng):
    content = bytearray(content)
    kind = rng.integers(3)
    at = int(rng.integers(len(content))) if content else 0
    if kind == 0 and content:
        content[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del content[at : at + int(rng.integers(1, 40))]
    else:
        content[at : at + 8] = rng.bytes(8)
    return bytes(content)
