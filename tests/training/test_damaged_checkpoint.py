"""A checkpoint that is damaged, or made to do harm, is one line and takes no memory."""

import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import (
    FACTS,
    Checkpoint,
    is_checkpoint,
    load_checkpoint,
    save_checkpoint,
)

FORMAT = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"


@pytest.fixture
def path(tmp_path, rng):
    arrays = {
        "model/kernel": rng.standard_normal((3, 4)).astype("float32"),
        "optimizer/0000/iteration": np.array(7, "int32"),
        "model/empty": np.zeros((0, 3), "float32"),
        "model/mask": np.array([True, False]),
    }
    path = tmp_path / "step-000000007.ckpt"
    save_checkpoint(path, Checkpoint({"step": 7, "recipe": {"name": "x"}, "data": "y"}, arrays))
    return path


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def array(header, content=b""):
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content


def facts(**changes):
    def change(members):
        known = {**json.loads(members[FACTS]), **changes}
        known.pop("facts_sha256")
        return {**members, FACTS: json.dumps(known).encode()}

    return change


def kernel(content):
    return lambda members: {**members, "model/kernel": content}


HARM = {
    "10**12 floats": kernel(array(FORMAT.format("<f4", "(1000000000000,)"), b"\0" * 48)),
    "overflow": kernel(array(FORMAT.format("<f8", f"({2**62}, {2**62})"), b"\0" * 48)),
    "negative": kernel(array(FORMAT.format("<f4", "(-3, -4)"), b"\0" * 48)),
    "too long": kernel(array(FORMAT.format("<f4", "(3, 3)"), b"\0" * 48)),
    "objects": kernel(array(FORMAT.format("|O", "(3,)"), b"\0" * 24)),
    "dtype of fields": kernel(array("{'descr': [('a', '<f4')], 'shape': (3,), }", b"\0" * 12)),
    "no literal": kernel(array("{'descr': __import__('os'), 'shape': ()}")),
    "deep literal": kernel(array("(" * 60000)),
    "unclosed": kernel(array("{'descr': '''")),
    "version 3": kernel(b"\x93NUMPY\x03\x00" + b"\xff" * 8),
    "cut header": kernel(b"\x93NUM"),
    "empty member": kernel(b""),
    "no facts": lambda members: {k: v for k, v in members.items() if k != FACTS},
    "facts: a list": lambda members: {**members, FACTS: b"[]"},
    "facts: not JSON": lambda members: {**members, FACTS: b"{"},
    "facts: not UTF-8": lambda members: {**members, FACTS: b"\xff\xfe{}"},
    "facts: deep": lambda members: {**members, FACTS: b"[" * 200000},
    "step": facts(step="seven"),
    "recipe": facts(recipe=[1]),
    "score": facts(score="best"),
    "an array less": lambda members: {k: v for k, v in members.items() if k != "model/mask"},
}


@pytest.mark.parametrize("harm", HARM)
def test_harm_is_one_line_and_little_memory(path, harm):
    write(path, HARM[harm](members_of(path)))
    tracemalloc.start()
    with pytest.raises(UserError, match="damaged checkpoint") as said:
        load_checkpoint(path)
    assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    tracemalloc.stop()
    assert "\n" not in str(said.value)
    assert str(path) in str(said.value)


def test_a_packed_bomb_is_refused(path):
    bomb = array(FORMAT.format("<f4", "(25000000,)"), bytes(100_000_000))
    write(path, {**members_of(path), "model/kernel": bomb}, zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="packed"):
        load_checkpoint(path)


def test_facts_that_were_changed_are_noticed(path):
    members = members_of(path)
    write(path, {**members, FACTS: members[FACTS].replace(b'"step": 7', b'"step": 8')})
    with pytest.raises(UserError, match="does not fit its checksum"):
        load_checkpoint(path)


@pytest.mark.parametrize("sound_crc", [False, True])
def test_no_mutation_brings_a_foreign_error(path, rng, sound_crc):
    whole, members = path.read_bytes(), members_of(path)
    for _ in range(300):
        if sound_crc:
            name = rng.choice(sorted(members))
            write(path, {**members, name: mutated(members[name], rng)})
        else:
            path.write_bytes(mutated(whole, rng))
        is_checkpoint(path)
        try:
            load_checkpoint(path)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017


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
