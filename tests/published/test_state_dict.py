"""Torch's files and safetensors are read without running anything of theirs."""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import shutil
import struct

import ml_dtypes
import numpy as np
import pytest

from framl_keras.errors import UserError
from framl_keras.published.state_dict import read_state_dict
from framl_keras.untrusted.safetensors import read_safetensors

torch = pytest.importorskip("torch")

STATE = {
    "conv1.weight": torch.arange(6.0).reshape(1, 2, 3),
    "bn1.num_batches_tracked": torch.ones(1),
}


class Trainer:
    """Stands for a class that only its author's machine has."""

    def __init__(self):
        self.monitor = "accuracy"


class Attack:
    """Makes or removes a folder if it is unpickled in the ordinary way."""

    def __init__(self, function, path):
        self.function, self.path = function, path

    def __reduce__(self):
        return self.function, (str(self.path),)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        collections.OrderedDict,
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"state_dict_backbone": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {"state": {0: {"buffer": torch.ones(1)}}}},
        lambda state: {"epoch": torch.ones(1), "weights": {"net": state}},
        lambda state: {"model": {"state_dict": state}, "ema": dict.fromkeys(state, torch.ones(1))},
        lambda state: {
            "state_dict": {f"model.{name}": tensor for name, tensor in state.items()},
            "callbacks": {Trainer: {"best": 1.0}, "early": Trainer()},
            "hyper_parameters": {"root": pathlib.Path("data"), "args": argparse.Namespace(lr=0.1)},
        },
    ],
    ids=["plain", "ordered", "parallel", "arcface_torch", "model", "nested", "ema", "lightning"],
)
def test_wrappers_and_prefixes_fall_away(wrap, tmp_path):
    torch.save(wrap(STATE), tmp_path / "x.ckpt")
    tensors = read_state_dict(tmp_path / "x.ckpt")
    assert sorted(tensors) == sorted(STATE)
    np.testing.assert_array_equal(tensors["conv1.weight"], np.arange(6.0).reshape(1, 2, 3))


@pytest.mark.parametrize("function", [os.mkdir, os.makedirs, shutil.rmtree])
def test_nothing_in_a_file_runs(function, tmp_path):
    (tmp_path / "kept").mkdir()
    path = tmp_path / ("kept" if function is shutil.rmtree else "made")
    content = {"state_dict": STATE, "hyper_parameters": Attack(function, path)}
    torch.save(content, tmp_path / "x.ckpt")
    with contextlib.suppress(UserError):  # refused, or read with something inert in its place
        read_state_dict(tmp_path / "x.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept", "x.ckpt"]


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 and then nothing"])
def test_a_broken_file_is_named(content, tmp_path):
    (tmp_path / "broken.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.pth"):
        read_state_dict(tmp_path / "broken.pth")


def write_safetensors(path, dtype, shape, data, offsets=None):
    entry = {"dtype": dtype, "shape": shape, "data_offsets": offsets or [0, len(data)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "fc.weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


@pytest.mark.parametrize(
    ("code", "dtype"), [("F32", np.float32), ("F16", np.float16), ("BF16", ml_dtypes.bfloat16)]
)
def test_safetensors_are_read(code, dtype, tmp_path):
    expected = np.arange(6).reshape(2, 3).astype(dtype)
    write_safetensors(tmp_path / "x.safetensors", code, [2, 3], expected.tobytes())
    tensors = read_state_dict(tmp_path / "x.safetensors")
    assert list(tensors) == ["fc.weight"]
    np.testing.assert_array_equal(tensors["fc.weight"], expected)


@pytest.mark.parametrize("offsets", [[0, 20], [-8, 16], [8, 32]])
def test_safetensors_that_lie_about_their_size_are_refused(offsets, tmp_path):
    write_safetensors(tmp_path / "x.safetensors", "F32", [2, 3], bytes(24), offsets)
    with pytest.raises(UserError, match=r"x\.safetensors"):
        read_safetensors(tmp_path / "x.safetensors")


def scripted():
    return torch.jit.script(torch.nn.Linear(2, 2))


FOREIGN = {
    "a module": (lambda p: torch.save(torch.nn.Linear(2, 2), p), "a whole pickled module.*save"),
    "a module in a dict": (
        lambda p: torch.save({"model": torch.nn.Linear(2, 2)}, p),
        "a whole pickled module.*save",
    ),
    "a script": (lambda p: torch.jit.save(scripted(), p), "a TorchScript archive.*state dict"),
    "a tensor": (lambda p: torch.save(torch.ones(2), p), "found a Tensor.*save"),
    "nothing": (lambda p: torch.save({}, p), "found no tensors.*save"),
    "numbers": (lambda p: torch.save({"epoch": 3}, p), "found no tensors.*save"),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_state_dict_says_what_it_is_and_what_to_do(name, tmp_path):
    write, message = FOREIGN[name]
    write(tmp_path / "x.pt")
    with pytest.raises(UserError, match=message) as error:
        read_state_dict(tmp_path / "x.pt")
    assert "\n" not in str(error.value)
