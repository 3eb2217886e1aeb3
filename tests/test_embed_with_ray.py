"""What Ray's workers write together is what one process writes, whoever is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

import framl_keras as fk

pytest.importorskip("ray")

EXAMPLE = Path(__file__).parents[1] / "examples/embed_with_ray.py"
PARTS = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images for three parts, an embedder, and what one process makes of them."""
    folder = tmp_path_factory.mktemp("ray")
    keras.utils.set_random_seed(0)
    model = fk.create_embedder("FaceResNet10", input_shape=(32, 32, 3), embedding_dim=16)
    fk.Embedder(model).save(folder / "mine.keras")
    rng = np.random.default_rng(0)
    for number in range(2 * 4096 + 500):
        path = folder / f"photos/{number // 1000}/{number}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(256, size=(8, 8, 3), dtype=np.uint8))
    (folder / "photos/0/17.bmp").write_bytes(b"no image")
    (folder / "photos/8/8300.bmp").write_bytes(b"BM")
    command = [sys.executable, "-m", "framl_keras", "encode", "photos", "-o", "one.npz"]
    subprocess.run([*command, "--run", "mine.keras"], cwd=folder, check=False)  # two left out
    return folder


def started(folder, output):
    arguments = ["photos", output, "--run", "mine.keras", "--parts", str(PARTS), "--workers", "2"]
    return subprocess.Popen([sys.executable, str(EXAMPLE), *arguments], cwd=folder)


def test_the_bytes_are_those_of_one_process(photos):
    assert started(photos, "many.npz").wait(300) == 0
    assert (photos / "many.npz").read_bytes() == (photos / "one.npz").read_bytes()


def test_a_worker_that_is_killed_costs_nothing_but_time(photos):
    job, parts = started(photos, "killed.npz"), photos / "killed.npz.parts"
    while job.poll() is None and not list(parts.glob("*.npz")):
        time.sleep(0.05)
    workers = subprocess.check_output(["pgrep", "-f", "ray::.*EncodesParts"], text=True).split()
    os.kill(int(workers[0]), signal.SIGKILL)

    assert job.wait(300) == 0
    assert (photos / "killed.npz").read_bytes() == (photos / "one.npz").read_bytes()
