"""The number of devices is no part of a training: losses and states are those of one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest
import yaml
from on_devices import make_images
from small_runs import assert_same_state

from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import load_checkpoint
from framl_keras.training.callbacks.interrupt import StopOnSignal
from framl_keras.training.distribution import devices_for, largest_share

ROWS = {"learning_rate": 0.01}
HEADS = {
    "ArcFace": {},
    "AdaFace": {"margin": {"name": "AdaFace"}},
    "CurricularFace": {"margin": {"name": "CurricularFace"}},
    "ElasticFace": {"margin": {"name": "ElasticFaceArc"}},
    "MagFace": {"margin": {"name": "MagFace"}},
    "sub-centers": {"sub_centers": 3},
    "filtered": {"interclass_filter": 0.4},
    "sampled": {"sample_rate": 0.8, "row_optimizer": ROWS},
}
OPTIMIZERS = {
    "clipped": {"name": "adamw", "learning_rate": 0.01, "global_clipnorm": 0.5},
    "accumulated": {"name": "sgd", "learning_rate": 0.05, "gradient_accumulation_steps": 2},
}
LOSS = {"label_smoothing": 0.1, "class_weight": {"03": 3.0, "17": 0.2}}
BACKEND = keras.backend.backend()
# TensorFlow's replicas have no explicit steps and no sampled rows.
MODE = "fit" if BACKEND == "tensorflow" else "eager"
CASES = {
    **{name: {"model": model, "mode": MODE} for name, model in HEADS.items()},
    **{name: {"optimizer": options, "mode": MODE} for name, options in OPTIMIZERS.items()},
    "smoothed, weighted": {"mode": MODE, "train": LOSS},
    "softmax": {"mode": MODE, "model": {"head": "softmax"}},
    "smoothed softmax": {"mode": MODE, "train": LOSS, "model": {"head": "softmax"}},
    "ArcFace in fit": {"mode": "fit", "twice": True},
    "sampled in fit": {"model": HEADS["sampled"], "mode": "fit", "twice": True},
}
if BACKEND == "tensorflow":
    refused = ("sampled", "sampled in fit", "accumulated")
    CASES = {name: case for name, case in CASES.items() if name not in refused}
NAMES = ("straight", "killed")
COUNT = {"jax": 8}.get(BACKEND, 2)


def compared(folder: Path, precision: str, cases: dict[str, dict]) -> dict[str, dict]:
    """What `on_devices.py` finds: JAX has virtual devices, Torch processes."""
    content = [{"name": name, "count": COUNT, **case} for name, case in cases.items()]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={COUNT}",
        "JAX_ENABLE_X64": "1" if precision == "float64" else "0",
    }
    launcher = [sys.executable]
    if BACKEND == "torch":
        launcher += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={COUNT}"]
    command = [*launcher, "tests/training/on_devices.py", str(folder), precision]
    command.append(json.dumps(content))
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.split("FOUND ")[1].splitlines()[0])


@pytest.fixture(scope="module")
def in_double(tmp_path_factory):
    return compared(tmp_path_factory.mktemp("images"), "float64", CASES)


@pytest.mark.parametrize("name", CASES)
def test_several_devices_train_as_one(in_double, name):
    found = in_double[name]
    assert found["loss"] < 1e-12
    assert found["end"] < 1e-10
    assert found["repeated"]


def test_in_float32_several_devices_differ_by_rounding(tmp_path):
    names = [name for name in ("ArcFace", "sampled") if name in CASES]
    cases = {name: {"mode": "fit", "model": HEADS[name]} for name in names}
    found = compared(tmp_path, "float32", cases)
    assert max(found[name]["loss"] for name in cases) < 1e-5, found


@pytest.mark.skipif(BACKEND != "jax", reason="JAX compiles a step for all devices")
def test_a_step_sends_neither_logits_nor_centers():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "tests/training/traffic.py"]
    printed = subprocess.check_output(command, env={**os.environ, **flags}, text=True)

    found = json.loads(printed.split("FOUND ")[1])
    rows = 64 * 32 * 4
    assert found["count"] > 3
    assert found["largest"] <= max(found["backbone"], rows) + rows / 8
    assert found["kernel"] > 10 * found["largest"]


def launched(folder: Path, *options: str) -> subprocess.Popen:
    """A training in two Torch processes that saves its state after each step."""
    recipe = {
        "data": {"train": str(folder / "images"), "image_size": 16, "augment": {"resize_to": 16}},
        "model": {"backbone": "FaceResNet10", "embedding_dim": 8, "dropout": 0.3, "scale": 16},
        "train": {"batch_size": 16, "epochs": 4, "save_steps": 1, "keep": 50},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"name": "any", **recipe}))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [sys.executable, *launcher, "-m", "framl_keras", "train", "recipe.yaml", *options]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE
    )


@pytest.mark.skipif(BACKEND != "torch", reason="processes of Torch")
def test_a_job_that_lost_a_process_ends_and_goes_on(tmp_path):
    make_images(tmp_path / "images")
    assert launched(tmp_path, "--name", "straight").wait(100) == 0

    job, checkpoints = launched(tmp_path, "--name", "killed"), tmp_path / "runs/killed/checkpoints"
    while job.poll() is None and len(list(checkpoints.glob("step-*"))) < 5:
        time.sleep(0.02)
    children = subprocess.check_output(["pgrep", "-P", str(job.pid)], text=True).split()
    os.kill(int(children[-1]), signal.SIGKILL)

    job.communicate(timeout=60)
    assert job.returncode
    assert launched(tmp_path, "--name", "killed").wait(100) == 0
    last = [tmp_path / f"runs/{name}/checkpoints/step-000000020.ckpt" for name in NAMES]
    straight, resumed = (load_checkpoint(path).arrays for path in last)
    assert_same_state(straight, resumed)


@pytest.mark.skipif(BACKEND != "torch", reason="processes of Torch")
@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RuntimeError("[gloo/pair.cc:534] Connection closed by peer"), UserError),
        (RuntimeError("[gloo/pair.cc:534] Timed out waiting 30000ms"), UserError),
        (RuntimeError("mat1 and mat2 cannot be multiplied"), RuntimeError),
        (ValueError("Connection closed by peer"), ValueError),
    ],
)
def test_only_the_loss_of_a_process_is_told_as_such(error, raised):
    from framl_keras.training.distribution.torch import lost_process_explained

    with pytest.raises(raised) as found, lost_process_explained(1, 2):
        raise error
    assert type(found.value) is raised
    assert ("lost another one" in str(found.value)) == (raised is UserError)


@pytest.mark.skipif(BACKEND == "torch", reason="Torch trains in several processes")
def test_a_launcher_of_processes_is_refused_where_there_is_one(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="a launcher started 2 processes"):
        devices_for(None, 8)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="TensorFlow's own variable")
def test_a_cluster_of_tensorflow_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{}")
    with pytest.raises(UserError, match="TF_CONFIG sets up several machines"):
        devices_for("all", 8)


def test_a_batch_is_shared_by_as_many_devices_as_divide_it():
    assert [largest_share(30, available) for available in (1, 4, 8, 16)] == [1, 3, 6, 15]


@pytest.mark.parametrize("asked", [0, -1, "few", 10**6])
def test_devices_that_are_not_there(asked):
    with pytest.raises(UserError, match="--devices"):
        devices_for(asked, 8)


@pytest.mark.parametrize("asked", [None, 1, "all"])
def test_one_device_needs_nothing(asked):
    assert devices_for(asked, 7).count == 1


@pytest.mark.parametrize("signal_in", [0, 1])
def test_processes_stop_together_whichever_got_the_signal(signal_in):
    asked = [False, False]
    stops = [StopOnSignal(lambda flag: any(asked) or flag) for _ in asked]
    stops[signal_in]._on_signal(signal.SIGTERM, None)
    assert not any(stop.stopped for stop in stops)  # nobody goes by what the others don't know
    asked[signal_in] = True
    assert [stop.agreed() for stop in stops] == [True, True]
    assert all(stop.stopped for stop in stops)
