"""The number of devices is no part of a training: losses and states are those of one."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from on_devices import make_images, recipe_of
from small_runs import assert_same_state

from framl_keras.api.evaluate import evaluate
from framl_keras.errors import UserError
from framl_keras.runs.checkpoint import load_checkpoint
from framl_keras.runs.embedder_file import facts_in
from framl_keras.training import class_rows
from framl_keras.training.callbacks.interrupt import StopOnSignal
from framl_keras.training.distribution import devices_for, largest_share

ROWS = {"learning_rate": 0.01}
SAMPLED = {"sample_rate": 0.8, "row_optimizer": ROWS}
IN_BLOCKS = {"sample_rate": 0.95, "row_optimizer": ROWS}
CLIPPED = {"name": "adamw", "learning_rate": 0.01, "global_clipnorm": 0.5}
ACCUMULATED = {**CLIPPED, "weight_decay": 0.01, "gradient_accumulation_steps": 2}
LOSS = {"label_smoothing": 0.1, "class_weight": {"03": 3.0, "17": 0.2}}
BACKEND = keras.backend.backend()
EAGER = {  # an optimizer and a head do not know of each other: one case for two of them
    "AdaFace, clipped": {"model": {"margin": {"name": "AdaFace"}}, "optimizer": CLIPPED},
    "CurricularFace": {"model": {"margin": {"name": "CurricularFace"}}},
    "ElasticFace, accumulated": {
        "model": {"margin": {"name": "ElasticFaceArc"}},
        "optimizer": ACCUMULATED,
    },
    "MagFace": {"model": {"margin": {"name": "MagFace"}}, "twice": True},
    "sub-centers, smoothed, weighted": {"model": {"sub_centers": 3}, "train": LOSS},
    "filtered": {"model": {"interclass_filter": 0.4}},
    "sampled": {"model": SAMPLED},
    "softmax": {"model": {"head": "softmax"}},
    "smoothed softmax": {"model": {"head": "softmax"}, "train": LOSS},
    **{
        f"{name} in blocks of classes": {"model": {**model, "class_blocks": 2}, "train": LOSS}
        for name, model in {
            "ArcFace": {},
            "CurricularFace": {"margin": {"name": "CurricularFace"}},
            "sub-centers": {"sub_centers": 3},
            "sampled": SAMPLED,
        }.items()
    },
    "of sub-centers": {"model": {**IN_BLOCKS, "sub_centers": 2}, "smallest_draw": 4},
}
IN_FIT = {
    "ArcFace in fit": {"twice": True},
    "accumulated in fit": {"optimizer": ACCUMULATED},
    "sampled in fit": {"model": SAMPLED, "twice": True},
    "in blocks": {"model": IN_BLOCKS, "smallest_draw": 4},
    "odd shares in fit": {"count": 2, "train": {"batch_size": 14}},
    "by groups": {"count": 2, "train": {"batch_norm_rows": 8}},
}
CASES = {
    name: {"mode": mode, **case}
    for mode, cases in (("eager", EAGER), ("fit", IN_FIT))
    for name, case in cases.items()
}
if BACKEND == "tensorflow":
    CASES = {
        name: case for name, case in CASES.items() if "sample_rate" not in case.get("model", {})
    }
NAMES = ("straight", "killed")
COUNT = {"jax": 8}.get(BACKEND, 2)
ROOT = Path(__file__).parents[2]
PATH = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
LAUNCH = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
TORCHRUN = [sys.executable, *LAUNCH]
IN_PROCESSES = ("CurricularFace", "AdaFace, clipped", "ElasticFace, accumulated", "in blocks")


def compared(folder: Path, precision: str, cases: dict[str, dict], processes: int = 1):
    """What `on_devices.py` finds: JAX has virtual devices, Torch processes."""
    content = [{"name": name, "count": COUNT, **case} for name, case in cases.items()]
    script = ["tests/training/on_devices.py", str(folder), precision, json.dumps(content)]
    devices = max(case["count"] for case in content) // processes
    environment = {"JAX_ENABLE_X64": "1" if precision == "float64" else "0", **virtual(devices)}
    if BACKEND == "torch":
        started = [run([*TORCHRUN, *script], environment)]
    else:
        spread = spread_over(processes) if processes > 1 else [{}]
        started = [run([sys.executable, *script], {**environment, **each}) for each in spread]
    said = [process.communicate(timeout=1800) for process in started]
    assert not any(process.returncode for process in started), said[0][1][-3000:]
    return json.loads((folder / "found.json").read_text())


def virtual(devices: int) -> dict[str, str]:
    """Lets JAX see so many devices in each process."""
    return {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}


def spread_over(processes: int) -> list[dict[str, str]]:
    """What a launcher says to each process."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    names = ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")
    return [
        dict(
            zip(
                (f"KERAS_DISTRIBUTION_{name}" for name in names),
                (address, str(processes), str(number)),
                strict=True,
            )
        )
        for number in range(processes)
    ]


def run(command: list[str], environment: dict[str, str], folder: Path = ROOT) -> subprocess.Popen:
    given = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": PATH, **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=given, cwd=folder, **pipes)


@pytest.fixture(scope="module")
def in_double(tmp_path_factory):
    return compared(tmp_path_factory.mktemp("images"), "float64", CASES)


@pytest.mark.parametrize("name", CASES)
def test_several_devices_train_as_one(in_double, name):
    found = in_double[name]
    assert found["loss"] < 1e-12
    assert found["end"] < 1e-10
    assert found["repeated"]


@pytest.mark.skipif(BACKEND != "jax", reason="processes of JAX")
@pytest.mark.parametrize(("devices", "names"), [(4, IN_PROCESSES), (2, ["odd shares in fit"])])
def test_several_processes_train_as_one(tmp_path, devices, names):
    cases = {name: {**CASES[name], "count": devices} for name in names}
    found = compared(tmp_path, "float64", cases, processes=2)
    assert max(each["loss"] for each in found.values()) < 1e-12, found
    assert max(each["end"] for each in found.values()) < 1e-10, found


def test_in_float32_several_devices_differ_by_rounding(tmp_path):
    names = [name for name in ("ArcFace in fit", "sampled in fit") if name in CASES]
    cases = {name: {**CASES[name], "twice": False} for name in names}
    found = compared(tmp_path, "float32", cases)
    assert max(found[name]["loss"] for name in cases) < 1e-5, found


HELD = {"jax": (8, 1), "torch": (2, 2)}  # devices, and files that they write


@pytest.mark.skipif(BACKEND not in HELD, reason="every device has the whole head")
@pytest.mark.parametrize("model", [{"sub_centers": 3}, IN_BLOCKS], ids=str)
def test_a_checkpoint_does_not_know_devices(tmp_path, model):
    one, several, back = (tmp_path / f"{name}.ckpt" for name in ("one", "several", "back"))
    make_images(tmp_path / "images")
    content = recipe_of(tmp_path / "images", {"model": {"backbone": "FaceResNet10", **model}})
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(content))
    count, files = HELD[BACKEND]

    def moved(source: Path | None, target: Path, count: int) -> Mapping[str, np.ndarray]:
        launcher = TORCHRUN if BACKEND == "torch" and count > 1 else [sys.executable]
        script = str(Path(__file__).with_name("move_state.py"))
        arguments = [str(source), str(target), str(count)]
        process = run([*launcher, script, "recipe.yaml", *arguments], virtual(count), tmp_path)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said[-2000:]
        return load_checkpoint(target).arrays

    start = moved(None, one, 1)
    assert_same_state(start, moved(one, several, count))
    assert len(list(several.glob("*.safetensors"))) == files
    assert_same_state(start, moved(several, back, 1))


@pytest.mark.skipif(BACKEND != "jax", reason="JAX compiles a step for all devices")
def test_a_step_sends_neither_logits_nor_centers():
    process = run([sys.executable, "tests/training/traffic.py"], virtual(8))
    printed, said = process.communicate(timeout=600)
    assert process.returncode == 0, said[-2000:]

    found = json.loads(printed.split("FOUND ")[1])
    rows, kernel = 64 * 32 * 4, 4099 * 32 * 4
    for name, sent in found.items():
        assert sent["count"] > 3, name
        assert sent["largest"] <= max(sent["backbone"], rows) + rows / 8, name
        assert kernel > 10 * sent["largest"], name


def launched(folder: Path, *options: str) -> list[subprocess.Popen]:
    """A training in two processes that saves its state after each step, and chooses the best."""
    recipe = {
        "data": {
            **{"train": str(folder / "images"), "people": [1, 17], "test": "held-out"},
            **{"image_size": 16, "augment": {"resize_to": 16}},
        },
        "model": {"backbone": "FaceResNet10", "embedding_dim": 8, "dropout": 0.3, "scale": 16},
        "train": {
            **{"batch_size": 16, "epochs": 4, "save_steps": 1, "keep": 50},
            "best_by": "cos auc",
        },
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump({"name": "any", **recipe}))
    command = ["-m", "framl_keras", "train", "recipe.yaml", *options]
    if BACKEND == "torch":
        return [run([*TORCHRUN, *command], {}, folder)]
    return [run([sys.executable, *command], each, folder) for each in spread_over(2)]


def ended(job: list[subprocess.Popen], seconds: int = 600) -> list[str]:
    """What processes said, which must end."""
    return [process.communicate(timeout=seconds)[1] for process in job]


@pytest.mark.skipif(BACKEND == "tensorflow", reason="it trains in one process")
def test_a_job_that_lost_a_process_ends_and_goes_on(tmp_path):
    make_images(tmp_path / "images")
    straight = launched(tmp_path, "--name", "straight")
    said = ended(straight)
    assert not any(process.returncode for process in straight), said[0][-2000:]

    job, checkpoints = launched(tmp_path, "--name", "killed"), tmp_path / "runs/killed/checkpoints"
    while job[0].poll() is None and len(list(checkpoints.glob("step-*"))) < 5:
        time.sleep(0.02)
    if BACKEND == "torch":
        children = subprocess.check_output(["pgrep", "-P", str(job[0].pid)], text=True).split()
        os.kill(int(children[-1]), signal.SIGKILL)
    else:
        job[1].kill()

    said = ended(job, seconds=100)  # within a minute, on a busy machine
    assert all(process.returncode for process in job)
    lines = [line for line in said[0].splitlines() if line.startswith("framl-keras: ")]
    assert BACKEND == "torch" or "lost another one" in lines[-1]
    again = launched(tmp_path, "--name", "killed")
    said = ended(again)
    assert not any(process.returncode for process in again), said
    last = [tmp_path / f"runs/{name}/checkpoints/step-000000016.ckpt" for name in NAMES]
    straight, resumed = (load_checkpoint(path).arrays for path in last)
    assert_same_state(straight, resumed)
    for name in NAMES:  # processes verified together between epochs; here one does
        run = tmp_path / "runs" / name
        (found,) = evaluate(str(run), bootstrap=0, baseline=False)
        value = facts_in(run / "embedder.keras")["selection"]["value"]
        assert abs(found.verification.auc - value) < 1e-3


@pytest.mark.skipif(BACKEND != "torch", reason="its processes have a part of the head each")
@pytest.mark.parametrize(("name", "is_refused"), [("Lamb", True), ("AdamW", False)])
def test_an_optimizer_that_looks_at_all_centers_is_refused(name, is_refused):
    from framl_keras.training.distribution.torch import _check_row_by_row

    refusal = pytest.raises(UserError, match="Lamb looks at all of the head's centers")
    with refusal if is_refused else contextlib.nullcontext():
        _check_row_by_row(getattr(keras.optimizers, name)())


STARTED = {
    "by torchrun": {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "a"},
    "a cluster": {
        "TF_CONFIG": json.dumps(
            {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
        )
    },
}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="others train in several processes")
@pytest.mark.parametrize("variables", STARTED.values(), ids=STARTED)
def test_processes_are_refused_where_there_is_one(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="a launcher started 2 processes"):
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


@pytest.mark.parametrize("at_once", [1, 16, 2**20])
def test_rows_are_read_some_at_a_time(at_once, monkeypatch):
    monkeypatch.setattr(class_rows, "_AT_ONCE", at_once)
    table, values = np.arange(40.0).reshape(20, 2), np.zeros((10, 2))
    asked = []

    def rows(first, last):
        asked.append(last - first)
        return table[first:last]

    class_rows._copy(values, rows, 3)
    np.testing.assert_array_equal(values, table[3:13])
    assert max(asked) == min(10, max(1, at_once // 16))
