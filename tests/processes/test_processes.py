"""Processes that a launcher started share work, with the results of one."""

import importlib
import json
import os
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from two_processes import ended, started

from framl_keras.errors import UserError
from framl_keras.processes import ALONE, Joined, agree, join

BACKEND = keras.backend.backend()
TALK = str(Path(__file__).with_name("talk.py"))


def test_what_processes_tell_each_other(tmp_path):
    job = started([TALK], tmp_path)
    for printed, said in ended(job):
        assert printed.splitlines() == [
            "[[], [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]]",
            f"[{sum(range(40_000))}, {sum(range(80_000))}]",
            "True False",
            "ein Fehler: ü",
        ], said
    assert not any(process.returncode for process in job)


def test_the_loss_of_a_process_is_one_line(tmp_path):
    job = started([TALK, "killed"], tmp_path)
    (printed, said), _ = ended(job)
    assert job[0].returncode == 2, said
    assert "UserError: Process 0 of 2 lost another one" in printed


class UnavailableError(RuntimeError):
    """As TensorFlow names its own."""


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RuntimeError("[gloo/pair.cc:534] Connection closed by peer"), UserError),
        (RuntimeError("mat1 and mat2 cannot be multiplied"), RuntimeError),
        (ValueError("UNAVAILABLE: Connection reset by peer"), UserError),
        (RuntimeError("Collective ops is aborted by: Socket closed"), UserError),
        (RuntimeError("got 0 bytes. Connection was likely closed."), UserError),
        (RuntimeError("DEADLINE_EXCEEDED: Barrier timed out"), UserError),
        (UnavailableError("graph execution error"), UserError),
        (ValueError("all input arrays must have the same shape"), ValueError),
        (OSError("Connection closed by peer"), OSError),
        (UserError("gallery: connection refused"), UserError),
    ],
)
def test_only_the_loss_of_a_process_is_told_as_such(error, raised):
    gone = importlib.import_module(f"framl_keras.processes.{BACKEND}").GONE
    with pytest.raises(raised) as found, Joined(1, 2, lambda numbers: numbers, gone).scope():
        raise error
    assert type(found.value) is raised
    is_told = raised is UserError and not isinstance(error, UserError)
    assert ("lost another one" in str(found.value)) == is_told


def test_one_process_has_nobody_to_ask(rng):
    assert join() is ALONE
    rows = rng.normal(size=(3, 2))
    assert [each is rows for each in ALONE.all_of(rows)] == [True]
    assert (ALONE.any(True), ALONE.any(False), ALONE.writes) == (True, False, True)
    agree(ALONE, None)
    with pytest.raises(UserError, match="mine"):
        agree(ALONE, UserError("mine"))


RECIPE = """
name: small
data: {train: faces, people: [1, 2], test: held-out, image_size: 16}
model: {backbone: MobileNetV2}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run, and faces of which one cannot be read."""
    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    for identity in range(20):
        face = rng.integers(60, 200, (16, 16, 3))
        (folder / f"faces/person-{identity:02d}").mkdir(parents=True)
        for number in range(8):
            image = np.clip(face + rng.normal(0, 25, face.shape), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / f"faces/person-{identity:02d}/{number}.png"), image)
    keras.utils.set_random_seed(0)
    pixels = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(8, 3, strides=2)(keras.layers.Rescaling(1 / 255)(pixels))
    model = keras.Model(pixels, keras.layers.Dense(8)(keras.layers.Flatten()(features)))
    (folder / "runs/one").mkdir(parents=True)
    model.save(folder / "runs/one/embedder.keras")
    (folder / "runs/one/recipe.yaml").write_text(RECIPE)
    return folder


def command(*arguments):
    return ["-m", "framl_keras", *arguments]


def alone(place, *arguments):
    import subprocess

    environment = {**os.environ, "PYTHONPATH": str(Path(TALK).parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command(*arguments)], cwd=place, env=environment,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_verification_in_two_processes_is_that_of_one(place):
    expected = json.loads(alone(place, "eval", "--sim", "cos", "--json", "--no-plots"))
    before = set((place / "runs/one/reports").iterdir())
    job = started(command("eval", "--sim", "cos", "--json", "--no-plots"), place)
    (printed, said), (other, _) = ended(job)
    assert not any(process.returncode for process in job), said
    found = json.loads(printed)
    assert found["results"] == expected["results"]
    assert "results" not in other
    assert len(set((place / "runs/one/reports").iterdir()) - before) == 1


def test_a_list_encoded_in_two_processes_has_the_bytes_of_one(place):
    broken = place / "faces/person-03/9.png"
    broken.write_bytes(b"no image")
    alone(place, "encode", "faces", "-o", "one.npy")
    job = started(command("encode", "faces", "-o", "two.npy"), place)
    (printed, said), _ = ended(job)
    broken.unlink()
    assert [process.returncode for process in job] == [1, 0], said
    assert "two.npy: 160 embeddings of length 8" in printed
    assert "9.png" in said
    for suffix in (".npy", ".json"):
        one, two = ((place / name).with_suffix(suffix) for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert not (place / "two.npy.parts").exists()


def other_weights(place):
    model = keras.saving.load_model(place / "runs/one/embedder.keras")
    model.layers[-1].bias.assign(np.ones(8))
    (place / "elsewhere").mkdir(exist_ok=True)
    model.save(place / "elsewhere/embedder.keras")
    (place / "elsewhere/recipe.yaml").write_text(RECIPE)
    batch = "train: {batch_size: 4, epochs: 1}"
    (place / "small.yaml").write_text(RECIPE.replace("[1, 2]", "[1, 9]") + batch)


LEAVING = """
import atexit, contextlib, pathlib

@atexit.register  # what is registered first is called last
def say_which_threads_are_left():
    print("threads", end=" ")
    for path in pathlib.Path("/proc/self/task").glob("*/comm"):
        with contextlib.suppress(OSError):  # it has just ended
            print(path.read_text(), end=" ")
    print()

from framl_keras.cli import main
main()
"""


@pytest.mark.skipif(BACKEND != "torch", reason="threads of gloo")
@pytest.mark.parametrize("arguments", [["train", "brief.yaml"], ["encode", "faces/person-00"]])
def test_no_thread_of_a_group_outlives_the_interpreter(place, arguments):
    (place / "brief.yaml").write_text(
        RECIPE.replace("MobileNetV2", "FaceResNet10").replace("[1, 2]", "[1, 9]")
        + "train: {batch_size: 36, epochs: 1, verify_every: 0}"
    )
    job = started(["-c", LEAVING, *arguments], place)
    for printed, said in ended(job):
        threads = printed.split("threads")[1]
        assert "gloo" not in threads, said
    assert not any(process.returncode for process in job)


DIFFERENT = {
    "other weights": (["eval"], ["eval", "--run", "elsewhere"]),
    "another list": (["encode", "faces"], ["encode", "faces/person-00"]),
    "another recipe": (["train", "small.yaml"], ["train", "small.yaml", "--set", "seed=7"]),
}
if BACKEND == "tensorflow":  # it trains in one process
    DIFFERENT.pop("another recipe")


@pytest.mark.parametrize("name", DIFFERENT)
def test_processes_that_are_to_do_different_things_are_told(place, name):
    other_weights(place)
    one, other = (command(*asked) for asked in DIFFERENT[name])
    job = started(one, place, other=other)
    said = [text for _, text in ended(job)]
    assert [process.returncode for process in job] == [2, 2], said
    assert all("Process 1 of 2 was started for something else" in text for text in said), said


def test_what_one_process_cannot_read_all_of_them_say(place):
    broken = place / "faces/person-19/7.png"
    sound = broken.read_bytes()
    broken.write_bytes(b"no image")
    job = started(command("eval"), place)
    said = [text for _, text in ended(job)]
    broken.write_bytes(sound)
    assert [process.returncode for process in job] == [2, 2]
    assert all("7.png" in text.strip().splitlines()[-1] for text in said), said
